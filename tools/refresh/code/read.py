"""Reads what the code of a Synapse release says: options, refusals, dependencies, routes, schema deltas, package builds,
and what the admin API offers and refuses.

Reads one job per line from standard input, `{"version": "1.98.0", "files": {path: text}}`, and writes one result per
line to standard output: `{"version": …, "options": {…}, "refusals": {…}, "dependencies": {…}, "routes": {…},
"deltas": {…}, "builds": {…}, "admin": {…}}`. Each is a mapping from a key to a JSON value, so that two releases can be
compared key by key. Needs only Python 3.6 or newer.
"""

import ast
import json
import re
import sys

from options import call_name, literal, parsed, read_options
from refusals import read_refusals, template

REFUSING = re.compile(
    r"^synapse/(config/|app/|storage/engines/|storage/prepare_database\.py|storage/schema/__init__\.py"
    r"|util/check_dependencies\.py|python_dependencies\.py)"
)


def refusals(files):
    sites = read_refusals({path: text for path, text in files.items() if REFUSING.match(path) and path.endswith(".py")})
    found = {}
    for site in sites:
        key = site["file"] + " " + site["message"]
        state = {"in": site["in"], "raises": site["raises"]}
        if "option" in site:
            state["option"] = site["option"]
        # The same message for several options becomes one entry with all of them.
        if key in found and "option" in state:
            known = found[key].get("option", [])
            known = known if isinstance(known, list) else [known]
            state["option"] = sorted(set(known + [state["option"]]))
            if len(state["option"]) == 1:
                state["option"] = state["option"][0]
        found[key] = state
    return found


def requirement(text):
    """`Twisted[tls]>=21.2.0; python_version<'3.14'` → name and specifier, without what only pip needs."""
    match = re.match(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[[^\]]*\])?\s*(.*)$", text.replace("\n", " "))
    if not match:
        return None
    specifier = re.sub(r"\s+", "", match.group(2)).strip("()")
    return re.sub(r"[-_.]+", "-", match.group(1)).lower(), specifier or "*"


def dependencies(files):
    """Package → specifier, as in Synapse's own metadata. A package of an extra is called `extra/package`."""
    found = {}

    def add(text, extra=""):
        one = requirement(text)
        if one:
            key = (extra + "/" if extra else "") + one[0]
            found[key] = found[key] + " | " + one[1] if key in found and found[key] != one[1] else one[1]

    project = files.get("pyproject.toml", "")
    python = re.search(r'^requires-python\s*=\s*"([^"]+)"', project, re.M)
    if python:
        add("python " + python.group(1))
    if re.search(r"^dependencies\s*=\s*\[", project, re.M):
        for text in strings_of(project, r"^dependencies\s*=\s*\["):
            add(text)
        extras = section(project, "project.optional-dependencies")
        for name in re.findall(r"^([\w-]+)\s*=\s*\[", extras, re.M):
            if name not in ("all", "test", "dev"):
                for text in strings_of(extras, r"^%s\s*=\s*\[" % re.escape(name)):
                    add(text, name)
    for line in section(project, "tool.poetry.dependencies").splitlines():
        match = re.match(r'^([\w.-]+)\s*=\s*(?:"([^"]*)"|\{.*?version\s*=\s*"([^"]*)".*?(optional\s*=\s*true)?.*?\})', line)
        if match:
            version = match.group(2) or match.group(3)
            add(match.group(1) + " " + version, "optional" if "optional = true" in line else "")
    old = files.get("synapse/python_dependencies.py")
    if old:
        for node in ast.parse(old).body:
            name = node.targets[0].id if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) else ""
            value = literal(node.value) if name in ("REQUIREMENTS", "CONDITIONAL_REQUIREMENTS") else None
            if isinstance(value, list):
                for text in value:
                    add(text)
            elif isinstance(value, dict):
                for extra, texts in sorted(value.items()):
                    for text in texts if extra != "test" else []:
                        add(text, extra)
    rust = re.search(r'^rust-version\s*=\s*"([^"]+)"', files.get("rust/Cargo.toml", ""), re.M)
    if rust:
        add("rust >=" + rust.group(1))
    setup = files.get("setup.py", "")
    floor = re.search(r"python_requires\s*=\s*[\"']([^\"']+)", setup)
    if floor and "python" not in found:
        add("python " + floor.group(1))
    return found


def section(text, name):
    match = re.search(r"^\[%s\]$(.*?)(?=^\[|\Z)" % re.escape(name), text, re.M | re.S)
    return match.group(1) if match else ""


def strings_of(text, start):
    """The strings of a TOML array of strings that begins where `start` matches."""
    match = re.search(start, text, re.M)
    found = []
    for line in text[match.end() :].splitlines() if match else []:
        code = re.match(r'^(?:[^"#]|"[^"]*")*', line).group(0)
        bare = re.sub(r'"[^"]*"', "", code)
        found += re.findall(r'"([^"]*)"', code)
        if "]" in bare:
            break
    return found


ROUTE = re.compile(r"^(?: {4}|\t)(\^\S+)\s*$")


def routes(files):
    """`worker ^/path` → the methods that may be routed there, according to the manual's page on workers."""
    text = files.get("docs/workers.md") or files.get("docs/workers.rst") or ""
    found, worker, methods = {}, None, "any"
    lines = text.splitlines()
    for index, line in enumerate(lines):
        after = lines[index + 1] if index + 1 < len(lines) else ""
        heading = re.match(r"^#{2,6}\s+(.*)$", line)
        title = heading.group(1) if heading else line if line and re.match(r"^[~=\-^\"]{4,}$", after) else None
        if title is not None:
            app = re.search(r"synapse\.app\.(\w+)", title)
            stream = re.search(r"[Tt]he `(\w+)` stream", title)
            worker = app.group(1) if app else "stream " + stream.group(1) if stream else None
            methods = "any"
        elif re.search(r"for (?:`?GET`?|GET) requests", line):
            methods = "GET"
        elif re.match(r"^\S", line) and re.search(r"following (?:REST )?(?:endpoints|API)", line) and "GET" not in line:
            methods = "any"
        else:
            route = ROUTE.match(line)
            if route and worker:
                found["%s %s" % (worker, route.group(1))] = methods
    return found


STATEMENTS = [
    ("create", re.compile(r"\bCREATE\s+TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?\"?(\w+)", re.I)),
    ("alter", re.compile(r"\bALTER\s+TABLE\s+(?:IF\s+EXISTS\s+)?(?:ONLY\s+)?\"?(\w+)", re.I)),
    ("index", re.compile(r"\bCREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?\w+\s+ON\s+\"?(\w+)", re.I)),
    ("update", re.compile(r"\bUPDATE\s+\"?(\w+)\"?\s+(?:AS\s+\w+\s+)?SET\b", re.I)),
    ("insert", re.compile(r"\bINSERT\s+(?:OR\s+\w+\s+)?INTO\s+\"?(\w+)", re.I)),
    ("delete", re.compile(r"\bDELETE\s+FROM\s+\"?(\w+)", re.I)),
    ("drop", re.compile(r"\bDROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?\"?(\w+)", re.I)),
]


def deltas(files):
    """Schema delta → what it does to which tables; `background` if it queues work for after the start."""
    found = {}
    for path, text in files.items():
        match = re.match(r"^synapse/storage/(?:(?:data_stores|databases)/(\w+)/)?schema/(?:(\w+)/)?delta/(\d+)/(.+)$", path)
        if not match or match.group(4) in ("__init__.py", "README.md"):
            continue
        # The folders moved twice. Before there were two stores, main's deltas were in the common folder.
        store = match.group(1) or match.group(2) or "main"
        bare = re.sub(r"--[^\n]*|/\*.*?\*/", "", text, flags=re.S) if not path.endswith(".py") else text
        does = {}
        for verb, pattern in STATEMENTS:
            for table in pattern.findall(bare):
                does.setdefault(table.lower(), set()).add(verb)
        queued = "background_updates" in does and "insert" in does.get("background_updates", ())
        does.pop("background_updates", None)
        state = {"tables": {table: sorted(verbs) for table, verbs in sorted(does.items())}}
        if queued:
            state["background"] = True
        found["%s %s/%s" % (store, match.group(3), match.group(4))] = state
    return found


def builds(files):
    """System that upstream builds packages for → its version number and end of life, if the build list says so."""
    text = files.get("scripts-dev/build_debian_packages.py") or files.get("scripts-dev/build_debian_packages") or ""
    block = re.search(r"^DISTS\s*=\s*\((.*?)^\)", text, re.M | re.S)
    found = {}
    for name, comment in re.findall(r'"((?:debian|ubuntu):\w+)",?[ \t]*(?:#[ \t]*([^\n]*))?', block.group(1) if block else ""):
        forced = re.search(r"our EOL forced by (Python [\d.]+) is (\d{4}-\d\d(?:-\d\d)?)", comment)
        theirs = re.search(r"EOL (\d{4}-\d\d(?:-\d\d)?)", comment)
        number = re.match(r"(\d\d\.\d\d)", comment)
        state = {}
        if number:
            state["number"] = number.group(1)
        if theirs:
            state["end"] = theirs.group(1)
        if forced:
            state["forced"] = {"by": forced.group(1), "end": forced.group(2)}
        found[name] = state
    return found


def admin(files):
    """What the admin API offers and refuses: `endpoint ^/_synapse/admin/v1/…`; `users.py <message>` → status."""
    found = {}
    for path, text in sorted(files.items()):
        if not re.match(r"^synapse/rest/admin/\w+\.py$", path):
            continue
        module = parsed(path, text)
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            name, values = call_name(node), [literal(argument) for argument in node.args]
            if name in ("admin_patterns", "historical_admin_path_patterns") and values and isinstance(values[0], str):
                named = [literal(keyword.value) for keyword in node.keywords if keyword.arg == "version"]
                version = (values[1:] + named + ["v1"])[0]
                found["endpoint ^/_synapse/admin/%s%s" % (version, values[0])] = "any"
            elif name == "compile" and values and isinstance(values[0], str) and values[0].startswith("^/_synapse/admin/"):
                found["endpoint " + values[0]] = "any"
            elif name in ("SynapseError", "AuthError", "NotFoundError") and node.args:
                text = template(node.args[-1] if name == "NotFoundError" else node.args[min(1, len(node.args) - 1)], module)
                status = "404" if name == "NotFoundError" else status_of(node.args[0])
                if text and text.replace("{}", "").strip():
                    found["%s %s" % (path.split("/")[-1], " ".join(text.split()))] = status
    return found


def status_of(node):
    """The status as text: `400` stays a number, `HTTPStatus.BAD_REQUEST` becomes `BAD_REQUEST`."""
    value = literal(node)
    return str(value) if isinstance(value, int) else getattr(node, "attr", "unknown")


def read(files):
    config = {path: text for path, text in files.items() if re.match(r"^synapse/config/\w+\.py$", path)}
    return {
        "options": read_options(config, files),
        "refusals": refusals(files),
        "dependencies": dependencies(files),
        "routes": routes(files),
        "deltas": deltas(files),
        "builds": builds(files),
        "admin": admin(files),
    }


if __name__ == "__main__":
    for line in sys.stdin:
        job = json.loads(line)
        answer = dict(read(job["files"]), version=job["version"])
        sys.stdout.write(json.dumps(answer, sort_keys=True, ensure_ascii=True) + "\n")
        sys.stdout.flush()
