"""What no line of ours may do: unpickle, evaluate text, start a shell, show somebody's text as HTML."""

import ast
from pathlib import Path

import pytest

import core
import dashboard

ROOTS = (Path(core.__file__).parent, Path(dashboard.__file__).parent)
FILES = [path for root in ROOTS for path in sorted(root.rglob("*.py"))]

MODULES = {
    "pickle",
    "_pickle",
    "cPickle",
    "marshal",
    "shelve",
    "dill",
    "joblib",
    "cloudpickle",
    "yaml",
}
CALLS = {"eval", "exec", "compile", "__import__"}
ATTRIBUTES = {("os", "system"), ("os", "popen"), ("subprocess", "getoutput"), ("pd", "read_pickle")}


def found_in(text):
    """Return what a source does that it must not, as sentences."""
    wrong = []
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                wrong += [f"imports {one.name}" for one in names if one.name in MODULES]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in MODULES:
                wrong.append(f"imports from {module}")
            case ast.Call(func=ast.Name(id=name)) if name in CALLS:
                wrong.append(f"calls {name}")
            case ast.Call(func=ast.Attribute(value=ast.Name(id=owner), attr=name), keywords=given):
                said = {one.arg: ast.unparse(one.value) for one in given}
                if (owner, name) in ATTRIBUTES:
                    wrong.append(f"calls {owner}.{name}")
                if (owner, name) == ("torch", "load") and said.get("weights_only") != "True":
                    wrong.append("calls torch.load without weights_only=True")
                if (owner, name) == ("np", "load") and said.get("allow_pickle") != "False":
                    wrong.append("calls np.load without allow_pickle=False")
        if isinstance(node, ast.keyword):
            said = ast.unparse(node.value)
            if node.arg in ("shell", "unsafe_allow_html", "allow_pickle") and said != "False":
                wrong.append(f"says {node.arg}={said}")
    return wrong


def test_no_module_does_what_would_run_somebody_s_text():
    assert len(FILES) > 100
    wrong = {str(path): found_in(path.read_text()) for path in FILES}
    assert {path: said for path, said in wrong.items() if said} == {}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from joblib import load",
        "eval(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
        "torch.load(path)",
        "np.load(path)",
        "np.load(path, allow_pickle=True)",
        "st.markdown(text, unsafe_allow_html=True)",
    ],
)
def test_the_check_finds_it(text):
    assert len(found_in(text)) >= 1


def html_in(text):
    """Return what a source shows as HTML: (argument, whether it is fixed text of that source alone, whether scripts run)."""
    tree = ast.parse(text)
    # A name counts as fixed text if the module gives it a plain string, and nothing gives it anything else.
    given = [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    given += [
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    ]
    fixed = {
        line.targets[0].id
        for line in tree.body
        if isinstance(line, ast.Assign)
        and isinstance(line.targets[0], ast.Name)
        and isinstance(line.value, ast.Constant)
        and isinstance(line.value.value, str)
        and given.count(line.targets[0].id) == 1
    }

    def is_fixed(node):
        match node:
            case ast.Constant(value=str()):
                return True
            case ast.Name(id=name):
                return name in fixed
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return is_fixed(left) and is_fixed(right)
        return False

    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "html"
        ):
            said = {one.arg: ast.unparse(one.value) for one in node.keywords}
            runs = said.pop("unsafe_allow_javascript", "False") != "False"
            alone = len(node.args) == 1 and is_fixed(node.args[0])
            found.add((", ".join(map(ast.unparse, node.args)), alone, runs))
    return found


def test_html_is_shown_only_where_no_data_is_in_it():
    shown = {(path.name, *one) for path in FILES for one in html_in(path.read_text())}
    assert shown == {
        ("app.py", "STYLE", True, False),
        ("field_first.py", "_STYLE + _JS", True, True),
    }


@pytest.mark.parametrize(
    "text",
    [
        "st.html(note)",
        "st.html(f'<b>{note}</b>')",
        "A = f'<b>{note}</b>'\nst.html(A)",
        "A = '<b>'\nst.html(A + note)",
        "A = '<b>{}</b>'\nst.html(A.format(note))",
        "A = '<b>%s</b>'\nst.html(A % note)",
        "A = '<b>'\nA += note\nst.html(A)",
        "A = '<b>'\ndef show(A):\n    column.html(A)",
        "st.html(body=note)",
    ],
)
def test_html_with_data_in_it_is_found(text):
    assert [alone for _, alone, _ in html_in(text)] == [False]
