"""Reads the messages with which a release refuses to start: every `raise` that has its own text.

A message is a template with `{}` where the code fills something in. Sites that only pass on another error have no text
and are left out. Nothing from Synapse is imported or executed.
"""
import ast

from options import ABSENT, call_name, literal, parsed

# Exceptions that end a program for other reasons, or that the code that reads the configuration catches.
NO_REFUSAL = {"NotImplementedError", "StopIteration", "KeyError", "AttributeError", "SystemExit"}


def template(node, module, depth=0):
    """The text of a message with `{}` where the code fills something in; None if the text is unknown."""
    value = literal(node)
    if isinstance(value, str):
        return escaped(value)
    if depth > 5:
        return None
    if isinstance(node, ast.JoinedStr):
        parts = [template(p, module, depth + 1) if not isinstance(p, ast.FormattedValue) else "{}" for p in node.values]
        return None if any(p is None for p in parts) else "".join(parts)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        text = template(node.left, module, depth + 1)
        return None if text is None else percent(text)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = template(node.left, module, depth + 1), template(node.right, module, depth + 1)
        if left is None and right is None:
            return None
        return (left if left is not None else "{}") + (right if right is not None else "{}")
    if isinstance(node, ast.Call) and call_name(node) == "format" and isinstance(node.func, ast.Attribute):
        text = template(node.func.value, module, depth + 1)
        return None if text is None else braces(text)
    if isinstance(node, ast.Call) and call_name(node) in ("dedent", "strip", "lstrip", "rstrip"):
        inner = node.args[0] if node.args else getattr(node.func, "value", None)
        return template(inner, module, depth + 1) if inner is not None else None
    if isinstance(node, ast.IfExp):
        return template(node.body, module, depth + 1)
    if isinstance(node, ast.Name):
        top = module.top.get(node.id)
        return template(top, module, depth + 1) if isinstance(top, ast.expr) else None
    return None


def escaped(text):
    return text.replace("{", "{{").replace("}", "}}")


def percent(text):
    """Replaces `%s`, `%(name)s`, `%d`, `%r` and similar with `{}`."""
    out, at = "", 0
    while at < len(text):
        if text[at] != "%":
            out += text[at]
            at += 1
            continue
        if text[at : at + 2] == "%%":
            out += "%"
            at += 2
            continue
        end = at + 1
        if end < len(text) and text[end] == "(":
            close = text.find(")", end)
            end = close + 1 if close > 0 else end
        while end < len(text) and text[end] in "#0- +.123456789":
            end += 1
        if end < len(text) and text[end] in "sdrifgxc":
            out += "{}"
            at = end + 1
        else:
            out += "%"
            at += 1
    return out


def braces(text):
    """Replaces `str.format` fields, whose braces `escaped` has doubled, with `{}`."""
    out, at = "", 0
    while at < len(text):
        if text.startswith("{{", at):
            close = text.find("}}", at)
            if close > 0 and "\n" not in text[at:close]:
                out += "{}"
                at = close + 2
                continue
        out += text[at]
        at += 1
    return out


def strings(node):
    """The path of an option, as in ConfigError's second argument."""
    value = literal(node)
    if isinstance(value, (tuple, list)) and value and all(isinstance(part, str) for part in value):
        return ".".join(value)
    if isinstance(node, (ast.Tuple, ast.List)):
        parts = [literal(part) for part in node.elts]
        return ".".join(part if isinstance(part, str) else "*" for part in parts) if any(isinstance(p, str) for p in parts) else None
    return None


class Sites(ast.NodeVisitor):
    def __init__(self, path, module):
        self.path = path
        self.module = module
        self.where = []
        self.found = []
        self.local = [{}]

    def visit_FunctionDef(self, node):
        self.where.append(node.name)
        self.local.append({})
        self.generic_visit(node)
        self.local.pop()
        self.where.pop()

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node):
        self.where.append(node.name)
        self.generic_visit(node)
        self.where.pop()

    def visit_Assign(self, node):
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self.local[-1][node.targets[0].id] = node.value
        self.generic_visit(node)

    def text_of(self, node):
        text = template(node, self.module)
        if text is None and isinstance(node, ast.Name) and node.id in self.local[-1]:
            return template(self.local[-1][node.id], self.module)
        if text is None and isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod) and isinstance(node.left, ast.Name) and node.left.id in self.local[-1]:
            left = template(self.local[-1][node.left.id], self.module)
            return None if left is None else percent(left)
        return text

    def visit_Raise(self, node):
        self.generic_visit(node)
        if not isinstance(node.exc, ast.Call):
            return
        name = call_name(node.exc)
        if name in NO_REFUSAL:
            return
        arguments = list(node.exc.args) + [k.value for k in node.exc.keywords if k.arg in ("msg", "message")]
        if not arguments:
            return
        text = self.text_of(arguments[0])
        if text is None:
            return
        text = " ".join(text.split())
        if not text.replace("{}", "").strip(" :'\"`."):
            return
        site = {"message": text, "file": self.path, "in": ".".join(self.where), "raises": name}
        paths = [strings(argument) for argument in arguments[1:]] + [strings(k.value) for k in node.exc.keywords if k.arg == "path"]
        paths = [path for path in paths if path]
        if paths:
            site["option"] = paths[0]
        self.found.append(site)

    def visit_Call(self, node):
        # `sys.exit("…")` and `quit_with_error("…")` end a start just like a raise.
        self.generic_visit(node)
        name = call_name(node)
        if name in ("exit", "quit_with_error", "_quit_with_error") and node.args:
            text = self.text_of(node.args[0])
            if text and text.replace("{}", "").strip():
                self.found.append({"message": " ".join(text.split()), "file": self.path, "in": ".".join(self.where), "raises": name})


def read_refusals(files):
    """`files` maps a path to its text. Returns the sites ordered by file and line, without duplicates."""
    found, seen = [], set()
    for path, text in sorted(files.items()):
        module = parsed(path, text)
        sites = Sites(path, module)
        sites.visit(module.tree)
        for site in sites.found:
            key = (site["message"], site["file"], site.get("option"))
            if key not in seen:
                seen.add(key)
                found.append(site)
    return found
