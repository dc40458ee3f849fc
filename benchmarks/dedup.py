"""De-duplication: speed against datasketch, the same clusters, and twins under OCR noise.

Documents of about 3 kB are cut from texts of the data folder (Wikipedia, manuals, web pages); one
in ten is a near copy: some words replaced. Times are CPU time of this process, in turn, medians.
`ratio_datasketch`: our text to clusters (exact and MinHash) against datasketch at its best
(`MinHash.bulk` with a fast hash instead of SHA-1, LSH with our threshold and permutations), with
word 5-grams made in plain Python, and the same verification and clustering. `same_clusters`: ours
equal those of *all* pairs by true Jaccard similarity, from an inverted index without any estimate;
`clusters_datasketch_missed`: what the peer's candidates lose of them. `docs_per_second`: text to
clusters with exact and MinHash; `docs_per_second_noise`: with the default methods, noise too.

Twins: a text and two noisy readings of it, at character error rates of 1 to 20 %. The noise is a
model; `twin_recall_ocr` takes pages drawn, worsened and read by rapidocr (`--pages`). Hard
negatives: half overlapping passages of one document, forms with equal wording and other contents,
and texts of which 15 to 35 % of the words were replaced. `twin_recall`: the share of twins merged
with their own text or its other twin; `twin_precision`: the share of all merges in the pool that
are true.
"""

import argparse
import gzip
import json
import random
import re
import statistics
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from harness import DATA, print_result
from made_noise import read_by_ocr, with_errors

from goldsmith.refine.duplicates_index import Cluster, Entry, Rank, clusters_of
from goldsmith.refine.duplicates_shingles import PERMUTATIONS, SHINGLE, jaccard, shingles

THRESHOLD = 0.7
SIZE = 3000  # characters
RATES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2)
WORD = re.compile(r"\w+")
CLASSIC = ("exact", "minhash")
ALL = (*CLASSIC, "noise")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--shipped", action="store_true", help="nothing is trained here: no effect")
    parser.add_argument("--pages", type=int, default=6, help="pages read by rapidocr")
    parser.add_argument("--documents", type=int, default=6000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    texts = texts_of(options.data)
    figures = speed(texts, options.documents, options.rounds)
    figures |= twins(texts, options.pages)
    print_result("dedup", figures)


def texts_of(data: Path) -> list[str]:
    """Every long text of the folder's corpora."""
    corpus = data / "corpus"
    texts = [*(corpus / "wiki_demo.txt").read_text("utf-8").splitlines()]
    for line in (corpus / "c4_demo.jsonl").read_text("utf-8").splitlines():
        texts.append(json.loads(line)["text"])
    for path in sorted((corpus / "manuals").glob("*.txt.gz")):
        texts.append(gzip.decompress(path.read_bytes()).decode("utf-8"))
    return [text for text in texts if len(text) >= 600]


def passages_of(texts: list[str], count: int, size: int, seed: int) -> list[str]:
    """``count`` passages that do not overlap, of texts in turn."""
    places = [(n, at) for n, text in enumerate(texts) for at in range(0, len(text) - size, size)]
    chosen = random.Random(seed).sample(places, min(count, len(places)))
    return [texts[n][at : at + size] for n, at in sorted(chosen)]


def prose(text: str) -> bool:
    """Whether a passage says something: not the dots of a table of contents."""
    return sum(letter.isalnum() for letter in text) > 0.6 * len(text)


def entries_of(texts: list[str]) -> list[Entry]:
    width = len(str(len(texts)))
    names = [f"{number:0{width}}" for number in range(len(texts))]
    return [
        Entry(Rank(False, 0, 0, name, name), text) for name, text in zip(names, texts, strict=True)
    ]


def speed(texts: list[str], count: int, rounds: int) -> dict[str, object]:
    source = random.Random(3)
    base = passages_of(texts, count * 9 // 10, SIZE, 1)
    words = sorted(set(" ".join(base[:50]).split()))
    pool = list(base)
    while len(pool) < count:
        share = source.choice((0.0, 0.01, 0.02, 0.04, 0.06, 0.1))
        copy = source.choice(base).split(" ")
        pool.append(" ".join(source.choice(words) if source.random() < share else w for w in copy))
    entries = entries_of(pool)
    clusters_of(entries[:50], THRESHOLD, ALL)  # tables made once in a process, libraries loaded
    with_datasketch(entries[:50])
    ratios, ours, noisy = [], [], []
    clusters: list[Cluster] = []
    peer: list[tuple[str, str]] = []
    for _ in range(rounds):
        started = time.process_time()
        clusters = clusters_of(entries, THRESHOLD, CLASSIC)
        mine = time.process_time() - started
        started = time.process_time()
        peer = with_datasketch(entries)
        theirs = time.process_time() - started
        started = time.process_time()
        clusters_of(entries, THRESHOLD, ALL)
        noisy.append(len(pool) / (time.process_time() - started))
        ratios.append(theirs / mine)
        ours.append(len(pool) / mine)
    mine_pairs = sorted((one.member, one.kept) for one in clusters)
    true_pairs = by_truth(entries)
    print(f"{len(pool)} documents, {sum(map(len, pool)) // len(pool)} characters each")
    print(f"clusters: ours {len(mine_pairs)}, truth {len(true_pairs)}, datasketch {len(peer)}")
    return {
        "ratio_datasketch": round(statistics.median(ratios), 2),
        "ratio_spread": [round(min(ratios), 2), round(max(ratios), 2)],
        "same_clusters": mine_pairs == true_pairs,
        "clusters": len(mine_pairs),
        "clusters_datasketch_missed": len(set(true_pairs) - set(peer)),
        "docs_per_second": round(statistics.median(ours)),
        "docs_per_second_noise": round(statistics.median(noisy)),
    }


def with_datasketch(entries: list[Entry]) -> list[tuple[str, str]]:
    """Text to clusters with datasketch's signatures and candidates."""
    from datasketch import MinHash, MinHashLSH

    # Sets of strings as bytes, and a fast hash of them: its default is SHA-1, which is slower.
    sets = [plain_shingles(entry.text) for entry in entries]
    digests = MinHash.bulk(sets, num_perm=PERMUTATIONS, seed=1, hashfunc=fast_hash)
    lsh = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    found = []
    for place, (entry, digest) in enumerate(zip(entries, digests, strict=True)):
        best, similarity = -1, 0.0
        for other in sorted(lsh.query(digest)):
            shared = len(sets[place] & sets[other])
            value = shared / (len(sets[place]) + len(sets[other]) - shared)
            if value >= THRESHOLD and value > similarity:
                best, similarity = other, value
        if best >= 0:
            found.append((entry.rank.document, entries[best].rank.document))
        else:
            lsh.insert(place, digest, check_duplication=False)
    return sorted(found)


def fast_hash(data: bytes) -> int:
    return hash(data) & 0xFFFFFFFF


def plain_shingles(text: str) -> set[bytes]:
    words = WORD.findall(text.lower())
    length = min(SHINGLE, len(words))
    return {" ".join(words[at : at + length]).encode() for at in range(len(words) - length + 1)}


def by_truth(entries: list[Entry]) -> list[tuple[str, str]]:
    """The clusters of all pairs by true Jaccard similarity, the same ranks."""
    sets = [shingles(entry.text) for entry in entries]
    kept: dict[int, list[int]] = defaultdict(list)
    found = []
    for place, one in enumerate(sets):
        keys = one.tolist()
        best, similarity = -1, 0.0
        for other in sorted({other for key in keys for other in kept.get(key, ())}):
            value = jaccard(one, sets[other])
            if value >= THRESHOLD and value > similarity:
                best, similarity = other, value
        if best >= 0:
            found.append((entries[place].rank.document, entries[best].rank.document))
            continue
        for key in keys:
            kept[key].append(place)
    return sorted(found)


def twins(texts: list[str], pages: int) -> dict[str, object]:
    source = random.Random(5)
    clean: list[str] = []
    for size, count in ((400, 150), (1200, 150), (3000, 150)):
        clean += passages_of(texts[::4], count, size, size)
    pool, origin, rates = list(clean), list(range(len(clean))), [0.0] * len(clean)
    for number, text in enumerate(clean * 2):
        rate = RATES[(number + number // len(clean)) % len(RATES)]
        pool.append(with_errors(text, rate, source))
        origin.append(number % len(clean))
        rates.append(rate)
    read = read_by_ocr(passages_of(texts[3::4], pages, 1000, 99), source)
    for text, reading, rate in read:
        origin += [len(pool), len(pool)]
        pool += [text, reading]
        rates += [0.0, -1.0]
        print(f"rapidocr: character error rate {rate:.3f}")
    hard = negatives(texts, clean, source)
    origin += range(len(pool), len(pool) + len(hard))
    rates += [0.0] * len(hard)
    pool += hard
    allowed = [n for n, text in enumerate(pool) if prose(text)]
    pool, origin, rates = ([some[n] for n in allowed] for some in (pool, origin, rates))
    found = {int(one.member): one for one in clusters_of(entries_of(pool), THRESHOLD, ALL)}
    wrong = [one for m, one in found.items() if origin[int(one.kept)] != origin[m]]
    recall: dict[float, list[bool]] = defaultdict(list)
    for member, rate in enumerate(rates):
        if rate:
            hit = member in found and origin[int(found[member].kept)] == origin[member]
            recall[rate].append(hit)
            if not hit:
                print(f"missed at {rate}: {pool[member][:80]!r}")
    for rate, hits in sorted(recall.items()):
        print(f"{'rapidocr' if rate < 0 else rate}: {sum(hits)} of {len(hits)} twins merged")
    for one in wrong[:5]:
        print(f"wrong: {one.method} {one.similarity:.2f}: {pool[int(one.member)][:300]!r}")
        print(f"       and {pool[int(one.kept)][:300]!r}")
    model = [hit for rate, hits in recall.items() if rate > 0 for hit in hits]
    return {
        "twin_recall": round(float(np.mean(model + recall[-1.0])), 4),
        "twin_recall_by_rate": {
            str(rate): round(float(np.mean(hits)), 3)
            for rate, hits in sorted(recall.items())
            if rate > 0
        },
        "twin_recall_ocr": round(float(np.mean(recall[-1.0])), 3) if read else None,
        "twin_precision": round(1 - len(wrong) / max(len(found), 1), 5),
        "twins": sum(map(len, recall.values())),
        "hard_negatives": len(hard),
    }


def negatives(texts: list[str], clean: list[str], source: random.Random) -> list[str]:
    """Texts that look alike and are not: none is a twin of another, or of a text in ``clean``."""
    hard = []
    names = sorted({w for text in clean[:200] for w in text.split() if w.istitle() and len(w) > 3})
    body = clean[-1].split()[:60]
    for _ in range(200):  # forms: the same wording, other contents
        fields = [f"{source.choice(names)} {source.choice(names)}" for _ in range(12)]
        amounts = [str(source.randrange(100, 99_999)) for _ in range(12)]
        parts = [
            " ".join(body[n * 5 : n * 5 + 5])
            + f" {fields[n]} paid {amounts[n]} to {fields[n - 1]}."
            for n in range(12)
        ]
        hard.append(" ".join(parts))
    longest = sorted(texts[1::4], key=len, reverse=True)[:20]
    for text in longest:  # half overlapping passages of one document, none of those in `clean`
        start = source.randrange(len(text) // 2)
        hard += [text[at : at + 1000] for at in range(start, start + 5000, 500)]
    words = sorted({w for text in clean[:100] for w in text.split()})
    for number, text in enumerate(passages_of(texts[2::4], 300, 1200, 7)):  # other words put in
        share = (0.15, 0.25, 0.35)[number % 3]
        kept = [source.choice(words) if source.random() < share else w for w in text.split()]
        hard.append(text)
        hard.append(" ".join(kept))
    return hard


if __name__ == "__main__":
    main()
