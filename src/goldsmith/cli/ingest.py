"""`goldsmith ingest`: read a folder's files into documents, pages and lines."""

from __future__ import annotations

from goldsmith.cli.options import (
    DEFAULT_WORKSPACE,
    ConfigOption,
    Folder,
    JsonOption,
    RetryOption,
    SetOption,
    WorkspaceOption,
)


def ingest(
    folder: Folder,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    config: ConfigOption = None,
    overrides: SetOption = None,
    retry: RetryOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read a folder's files into documents, pages and lines."""
    from goldsmith.cli import project as projects
    from goldsmith.cli import steps
    from goldsmith.cli.console import show

    project = projects.describe(folder, workspace, config, overrides or ())
    files = steps.find_files(project)
    with projects.locked(project) as held:
        projects.save(held)
        if retry:
            steps.release(held)
        steps.ingest(held, files)
    documents = project.lake.read("documents").to_pylist()
    count = {
        state: sum(row["status"] == state for row in documents)
        for state in ("ok", "failed", "duplicate")
    }
    pages = sum(row["pages"] or 0 for row in documents)
    lines = [f"{count['ok']} documents, {pages} pages; {count['duplicate']} copies"]
    lines += [
        f"failed: {row['uri']}: {row['reason']}: {row['detail']}"
        for row in documents
        if row["status"] == "failed"
    ]
    lines.append(f"next: goldsmith refine --workspace {workspace}")
    show({"documents": documents}, as_json, lines)
