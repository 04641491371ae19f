"""The notebook of the examples, run cell by cell without Jupyter, and what its cells put out.

python tests/support/notebook.py writes that into the notebook; .ci/full notebook runs it in Jupyter.
"""

import json
from base64 import b64encode
from contextlib import redirect_stdout
from io import BytesIO, StringIO
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "examples" / "from_prompt_to_plot.ipynb"


def cells(kind="code"):
    """The cells of a kind, as the file has them."""
    return [cell for cell in json.loads(FILE.read_text())["cells"] if cell["cell_type"] == kind]


def printed(cell):
    """What a cell printed when its outputs were written."""
    return "".join(text for out in cell["outputs"] for text in out.get("text", []))


def pictures(cell):
    """The figures of a cell, PNG in base64."""
    return [out["data"]["image/png"] for out in cell["outputs"] if "data" in out]


def outputs():
    """The outputs of each code cell, all run in one namespace, as a notebook has them."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    shown = []

    def show():
        file = BytesIO()
        pyplot.gcf().savefig(file, dpi=100, metadata={"Software": None})
        pyplot.close()
        png = b64encode(file.getvalue()).decode() + "\n"
        data = {"image/png": png, "text/plain": ["<Figure>"]}
        shown.append({"data": data, "metadata": {}, "output_type": "display_data"})

    namespace, each = {"__name__": "notebook"}, []
    usual, pyplot.show = pyplot.show, show
    try:
        for cell in cells():
            told = StringIO()
            shown.clear()
            with redirect_stdout(told):
                exec(compile("".join(cell["source"]), FILE.name, "exec"), namespace)
            text = told.getvalue().splitlines(keepends=True)
            stream = {"name": "stdout", "output_type": "stream", "text": text}
            each.append([*([stream] if text else []), *shown])
    finally:
        pyplot.show = usual
    return each


def main():
    notebook, made = json.loads(FILE.read_text()), iter(outputs())
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell |= {"outputs": next(made), "execution_count": number + 1}
    FILE.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
