"""`make test-vendors`: the vendors' own test suites, held against ChatTikHub and TikHubEmbeddings.

These modules run in an environment of their own (`.venv-vendors`), from within the vendors' source trees, whose
`tests` package hides this one: so they are imported as `against`, and import nothing else of the tests.
"""
