# Prints the IDs of the conditions below that hold for the configuration files given as arguments (for a folder, its
# *.yaml files) and for the log configurations that they name, but never a value. If run by Synapse's Python, it also
# checks the installed packages and prints that Python's version. Writes no file and sends nothing.
import json, os, re, sys, warnings, yaml
warnings.simplefilter("ignore")
sys.excepthook = lambda kind, error, trace: print("look failed: %s, line %d" % (kind.__name__, getattr(getattr(error, "problem_mark", None), "line", -1) + 1))
main, workers, logs, trees = {}, [], [], []
paths = [sorted(p + "/" + name for name in os.listdir(p) if name.endswith(".yaml")) if os.path.isdir(p) else [p] for p in sys.argv[1:]]
paths = sum(paths, []) or ["/data/homeserver.yaml"]
for path in paths:
    with open(path, encoding="utf-8") as file:
        tree = yaml.safe_load(file)
    if isinstance(tree, dict): trees.append(tree)
named = any("server_name" in tree for tree in trees)
for tree in trees:
    if "version" in tree and ("handlers" in tree or "root" in tree): logs.append(tree)
    elif (main or named and not {"database", "listeners"} & set(tree)) and tree.get("worker_app", "synapse.app.homeserver") != "synapse.app.homeserver" and "server_name" not in tree: workers.append(tree)
    else: main.update(tree)
missed = False
for name in [] if logs else [main.get("log_config")] + [worker.get("worker_log_config") for worker in workers]:
    if name is None or name in paths: continue
    try:
        with open(os.fspath(name), encoding="utf-8") as file: logs.append(dict(yaml.safe_load(file)))
    except Exception: missed = True
roots = {"main": [main], "worker": [dict(main, **w) for w in workers], "log-config": logs}
hasWorkers = bool(set(main) & {"instance_map", "stream_writers", "worker_replication_secret", "federation_sender_instances", "pusher_instances"})
def at(tree, path):
    if not path: return [tree]
    if path[0] == "[]": return [v for item in tree for v in at(item, path[1:])] if isinstance(tree, list) else []
    if path[0] == "*": return [v for item in tree.values() for v in at(item, path[1:])] if isinstance(tree, dict) else []
    return at(tree[path[0]], path[1:]) if isinstance(tree, dict) and path[0] in tree else []
def kind(v):
    names = ((bool, "boolean"), ((int, float), "number"), (str, "string"), (list, "list"), (dict, "mapping"), (type(None), "null"))
    return next((name for cls, name in names if isinstance(v, cls)), "string")
def installed(name):
    try:
        try: from importlib.metadata import version
        except ImportError: version = lambda it: __import__("pkg_resources").get_distribution(it).version
        return [int(n) for n in re.match(r"[\d.]*\d", version(name)).group().split(".")]
    except Exception: return None
synapse = installed("matrix-synapse")
def fits(own, bounds):
    own, pad = (own + [0] * 5)[:5], lambda v: (v + [0] * 5)[:5]
    return all({"<": own < pad(b), "<=": own <= pad(b), ">": own > pad(b), ">=": own >= pad(b)}[sign] for sign, b in bounds)
def every(parts): return False if False in parts else None if None in parts else True
def some(parts): return True if True in parts else None if None in parts else False
def holds(c, v):
    if "type" in c and kind(v) != c["type"]: return False
    if "is" in c and (kind(v) != kind(c["is"]) or v != c["is"]): return False
    if "url" in c and (isinstance(v, str) and v.startswith(("http://", "https://"))) != c["url"]: return False
    if "url" in c and not isinstance(v, str): return False
    if "notKeyOf" in c: return isinstance(v, str) and v != "master" and not any(v in m for m in at(main, c["notKeyOf"]) if isinstance(m, dict))
    return None if "above" in c or "below" in c else True
def test(c, element):
    if "each" in c:
        parts = [{k: c[k]} for k in ("any", "not") if k in c] + c.get("all", [])
        return some([every([test(p, [v]) for p in parts]) for root in element or roots["main"] + roots["worker"] for v in at(root, c["each"])])
    if "any" in c: return some([test(p, element) for p in c["any"]])
    if "all" in c: return every([test(p, element) for p in c["all"]])
    if "not" in c: return {True: False, False: True, None: None}[test(c["not"], element)]
    if "package" in c: return None if not synapse else bool(installed(c["package"])) and fits(installed(c["package"]), c["version"])
    if "option" not in c: return every([not any(at(v, p) for v in element or [main]) for p in c["absent"]])
    where = c.get("in", "any")
    given = element or (roots["main"] + roots["worker"] if where == "any" else roots[where])
    unsure = not element and (not given or where == "log-config" and missed or where == "any" and hasWorkers and not workers and c["option"][0].startswith("worker_"))
    found = [v for root in given for v in at(root, c["option"])]
    if c.get("absent"): return False if found else None if unsure else True
    if found: return some([holds(c, v) for v in found] + [None] * unsure)
    if "is" not in c or unsure or element or "[]" in c["option"] or "*" in c["option"]: return None if unsure else False
    return None if "default" not in c else c["default"] == c["is"]
said = [(test(c, None), name, partly) for name, c, partly in json.loads(CONDITIONS)]
shown = [name for is_, name, _ in said if is_] + ["?" + name for is_, name, partly in said if is_ is None or is_ is False and partly]
print("look " + ("python=%d.%d " % sys.version_info[:2] if synapse else "") + (" ".join(shown) or "none"))
