# What people run by hand; CI runs .ci/run, which needs no just. `just` alone lists the recipes.

_list:
    @just --list --unsorted

# An editable install with all that tests and docs need, and the hooks of git where pre-commit is there
setup:
    pip install -c constraints.txt -e '.[test]'
    if command -v pre-commit; then pre-commit install; fi

# Linter, formatter, types
lint:
    ruff check
    ruff format --check
    mypy

# The tests of the README's command, 5 minutes on two cores, or those of some files: just test tests/test_counts.py
test *arguments='-n 2 --dist loadfile -m "not release and not slow"':
    pytest {{ arguments }}

# What that leaves out: the referee of the frozen tables, sweeps killed a hundred times
test-rest:
    pytest -n 2 --dist loadfile -m "release or slow"

# Jobs too long for CI, or their list: just full oldest trl-1.8
full *jobs:
    .ci/full {{ jobs }}

# Wheel and sdist, checked in clean environments; with a tag those of a release, into dist/: just build v0.2.0
build *tag:
    .ci/build {{ tag }}

# The site, strictly, into site/
docs:
    mkdocs build --strict

# The pages at http://127.0.0.1:8000, built again when a file changes
serve:
    mkdocs serve

# Every figure from its committed file of results
figures:
    polyest figures

# The releases anew, 15 minutes on two cores, into tables/v1 and tables/v2; what is there is left as it is
tables:
    python tables/release.py v1
    python tables/release.py v2

# Every claim of the release, 4 minutes on two cores
verify:
    polyest verify --jobs 2

# What is generated and compared by tests: pages of commands and of the bibliography, captions, public names, the
# outputs of the notebook
generate:
    python docs/cli.py
    python docs/bibliography.py
    python docs/captions.py
    python tests/support/public_api.py
    python tests/support/notebook.py
