"""Personal data in running text: where it is, and what may stand in its place.

`find.found` returns spans of every kind that is known; `patterns` has what has a form, `checks`
the check digits, `tagger` (with `words`) names, places, addresses and the like, `pseudonyms` other
names under a key. What is done to a document is decided in `refine.pii`.
"""
