"""Finds out which options Synapse's configuration code reads, and with which defaults.

Evaluates `read_config` of every section symbolically: the configuration is a symbol that knows its path, constants are
constants, and everything else is unknown. Both branches of every `if` are evaluated, because which one runs depends on
the administrator's configuration. Nothing from Synapse is imported or executed, and the same source produces the same
result on any Python from 3.6 on.
"""

import ast
import json
import re

MAX_DEPTH = 12


class Cfg:
    """The value that the configuration holds at a path; () is the configuration itself."""

    def __init__(self, path):
        self.path = path


class Lit:
    def __init__(self, value):
        self.value = value


class Many:
    """A list, tuple or set whose elements are known."""

    def __init__(self, items):
        self.items = items


class Table:
    """A mapping whose keys are known."""

    def __init__(self, items):
        self.items = items


class Fn:
    def __init__(self, node, module, bound=None, around=None):
        self.node = node
        self.module = module
        self.bound = bound
        # The scope of the function in which it is defined.
        self.around = around


class Cls:
    def __init__(self, node, module):
        self.node = node
        self.module = module


class Inst:
    def __init__(self, cls):
        self.cls = cls
        self.attrs = {}


class Union:
    """One of several values, as after two branches."""

    def __init__(self, values):
        self.values = values


UNKNOWN = object()
ABSENT = object()


def literal(node):
    """The value of a constant expression, or ABSENT. Handles `ast.Constant` and its predecessors alike."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ABSENT


def plain(value):
    """A value as JSON, or ABSENT if the code computes it."""
    if isinstance(value, Lit):
        v = value.value
        if isinstance(v, (set, frozenset, tuple)):
            v = sorted(v, key=str) if isinstance(v, (set, frozenset)) else list(v)
        if isinstance(v, bytes):
            return ABSENT
        try:
            json.dumps(v)
        except (TypeError, ValueError):
            return ABSENT
        return v
    if isinstance(value, Many):
        items = [plain(item) for item in value.items]
        return ABSENT if any(item is ABSENT for item in items) else items
    if isinstance(value, Table):
        items = {key: plain(item) for key, item in value.items.items()}
        return ABSENT if any(item is ABSENT for item in items.values()) else items
    return ABSENT


def alternatives(value):
    if isinstance(value, Union):
        for one in value.values:
            for other in alternatives(one):
                yield other
    else:
        yield value


def united(values):
    flat = []
    for value in values:
        for one in alternatives(value):
            if one is not UNKNOWN and not any(same(one, other) for other in flat):
                flat.append(one)
    if not flat:
        return UNKNOWN
    return flat[0] if len(flat) == 1 else Union(flat[:8])


def truth(value):
    """Whether Python considers it true; None if that is not known."""
    if isinstance(value, Lit):
        return bool(value.value)
    if isinstance(value, (Table, Many)):
        return bool(value.items)
    return True if isinstance(value, (Fn, Cls, Inst)) else None


def same(a, b):
    if isinstance(a, Cfg) and isinstance(b, Cfg):
        return a.path == b.path
    if isinstance(a, Lit) and isinstance(b, Lit):
        return type(a.value) is type(b.value) and a.value == b.value
    return a is b


TYPE_CALLS = {"bool": "boolean", "int": "integer", "float": "number", "str": "string", "parse_duration": "duration", "parse_size": "size"}
TYPE_NAMES = {"str": "string", "bool": "boolean", "int": "integer", "float": "number", "dict": "mapping", "list": "list", "Mapping": "mapping", "Collection": "list", "collections.Mapping": "mapping"}
FIELD_TYPES = {
    "str": "string", "StrictStr": "string", "bool": "boolean", "StrictBool": "boolean", "int": "integer", "StrictInt": "integer",
    "PositiveInt": "integer", "float": "number", "AnyHttpUrl": "string", "FilePath": "string", "list": "list", "List": "list",
    "Sequence": "list", "dict": "mapping", "Dict": "mapping", "JsonDict": "mapping", "Mapping": "mapping",
}
SCHEMA_TYPES = {"object": "mapping", "array": "list", "string": "string", "boolean": "boolean", "integer": "integer", "number": "number", "null": "null"}


class Module:
    def __init__(self, name, text):
        self.name = name
        self.tree = ast.parse(text)
        self.top = {}
        self.cache = {}
        for node in self.tree.body:
            self._note(node)

    def _note(self, node):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            self.top[node.name] = node
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self.top[target.id] = node.value
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self.top[node.target.id] = node.value
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self.top[alias.asname or alias.name] = (node.module or "", node.level, alias.name)
        elif isinstance(node, (ast.If, ast.Try)):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    self._note(child)


class Reader:
    """Evaluates every section of one release. `options` maps a path to what was found out about it."""

    def __init__(self, modules):
        self.modules = modules
        self.options = {}
        self.depth = 0
        self.running = []
        self.nested = 0
        self.strict = {}

    # What was read.

    def record(self, path, default=ABSENT, kind=None, required=False):
        if not path or path[0] == "*":
            return
        seen = self.options.setdefault(path, {"defaults": [], "types": set(), "required": False, "optional": False})
        if self.running:
            seen.setdefault("file", self.running[-1][0])
        if default is not ABSENT:
            if default not in seen["defaults"] or not any(type(d) is type(default) and d == default for d in seen["defaults"]):
                seen["defaults"].append(default)
            seen["optional"] = True
        if required:
            seen["required"] = True
        if kind:
            seen["types"].add(kind)

    def typed(self, value, kind, strict=False):
        for one in alternatives(value):
            if isinstance(one, Cfg):
                self.record(one.path, kind=kind)
                if strict and one.path:
                    self.accept(one.path, [kind])

    def accept(self, path, kinds):
        """Only values of these kinds are accepted. If an option is checked twice, only kinds that pass both count."""
        if not path or not kinds or path not in self.options:
            return
        seen = self.options[path]
        before = seen.get("accepts")
        seen["accepts"] = set(kinds) if before is None else (before & set(kinds) or before)

    def child(self, cfg, key, default=ABSENT, required=False):
        path = cfg.path + (key,)
        self.record(path, default, required=required)
        return Cfg(path)

    # Names.

    def lookup(self, name, scope, module):
        if name in scope:
            return scope[name]
        return self.at_top(name, module)

    def at_top(self, name, module):
        if name in module.cache:
            return module.cache[name]
        node = module.top.get(name)
        module.cache[name] = UNKNOWN
        value = UNKNOWN
        if isinstance(node, tuple):
            target = self.module_of(node[0], node[1])
            if target is not None:
                value = self.at_top(node[2], target)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            value = Fn(node, module)
        elif isinstance(node, ast.ClassDef):
            value = Cls(node, module)
        elif node is not None:
            value = self.evaluate(node, {}, module)
        module.cache[name] = value
        return value

    def module_of(self, name, level):
        last = name.split(".")[-1]
        if level == 1 or name.startswith("synapse.config.") or name.startswith("config."):
            return self.modules.get(last)
        return None

    # Expressions.

    def evaluate(self, node, scope, module):
        method = getattr(self, "eval_" + type(node).__name__, None)
        if method:
            return method(node, scope, module)
        value = literal(node)
        if value is not ABSENT:
            return Lit(value)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.evaluate(child, scope, module)
        return UNKNOWN

    def eval_Name(self, node, scope, module):
        if node.id in ("True", "False", "None"):
            return Lit({"True": True, "False": False, "None": None}[node.id])
        return self.lookup(node.id, scope, module)

    def eval_Attribute(self, node, scope, module):
        value = self.evaluate(node.value, scope, module)
        found = []
        for one in alternatives(value):
            if isinstance(one, Inst):
                found.append(self.attribute(one, node.attr))
            elif isinstance(one, Cls):
                found.append(self.member(one, node.attr))
        return united(found)

    def attribute(self, inst, name):
        if name in inst.attrs:
            return inst.attrs[name]
        found = self.member(inst.cls, name)
        if isinstance(found, Fn):
            return Fn(found.node, found.module, inst)
        return found

    def member(self, cls, name):
        for node in cls.node.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == name:
                return Fn(node, cls.module, cls if "classmethod" in decorators(node) else None)
            if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
                return self.evaluate(node.value, {}, cls.module)
        for base in self.bases(cls):
            found = self.member(base, name)
            if found is not UNKNOWN:
                return found
        return UNKNOWN

    def bases(self, cls):
        for base in cls.node.bases:
            value = self.evaluate(base, {}, cls.module)
            if isinstance(value, Cls) and value.node is not cls.node:
                yield value

    def eval_Subscript(self, node, scope, module):
        value = self.evaluate(node.value, scope, module)
        index = node.slice
        if type(index).__name__ == "Index":
            index = index.value
        if getattr(node.value, "id", getattr(node.value, "attr", "")) == "Union" and isinstance(index, ast.Tuple):
            return united([self.evaluate(part, scope, module) for part in index.elts])
        key = self.evaluate(index, scope, module) if isinstance(index, ast.expr) else UNKNOWN
        store = isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del))
        found = []
        for one in alternatives(value):
            for at in alternatives(key):
                if isinstance(one, Cfg) and isinstance(at, Lit) and isinstance(at.value, str):
                    found.append(Cfg(one.path + (at.value,)) if store else self.child(one, at.value, required=True))
                elif isinstance(one, Cfg):
                    found.append(Cfg(one.path + ("[]" if isinstance(at, Lit) and isinstance(at.value, int) else "*",)))
                elif isinstance(one, Table) and isinstance(at, Lit) and at.value in one.items:
                    found.append(one.items[at.value])
                elif isinstance(one, Lit) and isinstance(at, Lit):
                    try:
                        found.append(Lit(one.value[at.value]))
                    except (TypeError, KeyError, IndexError):
                        pass
                elif isinstance(one, Many) and isinstance(at, Lit) and isinstance(at.value, int) and -len(one.items) <= at.value < len(one.items):
                    found.append(one.items[at.value])
        return united(found)

    def eval_BoolOp(self, node, scope, module):
        values = [self.evaluate(child, scope, module) for child in node.values]
        if isinstance(node.op, ast.And):
            return united(values)
        left = []
        for value in values[:-1]:
            for one in alternatives(value):
                # `config.get(key) or fallback`: the fallback is the default of an option that was read without one.
                if isinstance(one, Cfg):
                    self.fall_back(one.path, values[-1])
            if value is not UNKNOWN and all(truth(one) is True for one in alternatives(value)):
                return united(left + [value])
            left.extend(one for one in alternatives(value) if truth(one) is not False)
        return united(left + [values[-1]])

    def fall_back(self, path, value):
        default = plain(value)
        seen = self.options.get(path)
        if seen and default is not ABSENT and all(d in (None, {}, [], "", False, 0) for d in seen["defaults"]):
            seen["defaults"] = [default]

    def eval_IfExp(self, node, scope, module):
        self.evaluate(node.test, scope, module)
        return united([self.evaluate(node.body, scope, module), self.evaluate(node.orelse, scope, module)])

    def eval_List(self, node, scope, module):
        return Many([self.evaluate(item, scope, module) for item in node.elts])

    eval_Tuple = eval_List
    eval_Set = eval_List

    def eval_Dict(self, node, scope, module):
        items = {}
        for key, item in zip(node.keys, node.values):
            value = self.evaluate(item, scope, module)
            if key is None:
                for one in alternatives(value):
                    if isinstance(one, Table):
                        items.update(one.items)
                continue
            at = self.evaluate(key, scope, module)
            if isinstance(at, Lit):
                try:
                    items[at.value] = value
                except TypeError:
                    return UNKNOWN
            else:
                return UNKNOWN
        return Table(items)

    def eval_BinOp(self, node, scope, module):
        left, right = self.evaluate(node.left, scope, module), self.evaluate(node.right, scope, module)
        if isinstance(left, Lit) and isinstance(right, Lit):
            try:
                if isinstance(node.op, ast.Add):
                    return Lit(left.value + right.value)
                if isinstance(node.op, ast.Mult):
                    return Lit(left.value * right.value)
                if isinstance(node.op, ast.Sub):
                    return Lit(left.value - right.value)
            except TypeError:
                pass
        # `Tcp | Unix`: one of several models.
        if isinstance(node.op, ast.BitOr) and all(isinstance(one, Cls) for one in [*alternatives(left), *alternatives(right)]):
            return united([left, right])
        return UNKNOWN

    def eval_Compare(self, node, scope, module):
        values = [self.evaluate(side, scope, module) for side in [node.left] + node.comparators]
        if len(node.ops) == 1 and isinstance(node.ops[0], (ast.In, ast.NotIn)):
            for key in alternatives(values[0]):
                for where in alternatives(values[1]):
                    if isinstance(where, Cfg) and isinstance(key, Lit) and isinstance(key.value, str):
                        child = self.child(where, key.value)
                        # Code that checks whether a key is present does not require it.
                        self.options[child.path]["optional"] |= isinstance(node.ops[0], ast.In)
        return UNKNOWN

    def comprehension(self, node, results, scope, module):
        inner = dict(scope)
        for generator in node.generators:
            self.bind(generator.target, self.element(self.evaluate(generator.iter, inner, module)), inner, module)
            for test in generator.ifs:
                self.evaluate(test, inner, module)
        return [self.evaluate(result, inner, module) for result in results]

    def eval_ListComp(self, node, scope, module):
        return Many(self.comprehension(node, [node.elt], scope, module))

    eval_SetComp = eval_ListComp
    eval_GeneratorExp = eval_ListComp

    def eval_DictComp(self, node, scope, module):
        self.comprehension(node, [node.key, node.value], scope, module)
        for generator in node.generators:
            source = self.evaluate(generator.iter, scope, module)
            if isinstance(source, Many) and len(source.items) == 1:
                return Table({})
        return UNKNOWN

    def eval_JoinedStr(self, node, scope, module):
        text = ""
        for part in node.values:
            value = self.evaluate(part.value, scope, module) if isinstance(part, ast.FormattedValue) else Lit(literal(part))
            if not isinstance(value, Lit) or value.value is ABSENT:
                return UNKNOWN
            text += str(value.value)
        return Lit(text)

    def eval_Lambda(self, node, scope, module):
        return UNKNOWN

    def eval_Await(self, node, scope, module):
        return self.evaluate(node.value, scope, module)

    def eval_Yield(self, node, scope, module):
        return self.evaluate(node.value, scope, module) if node.value else UNKNOWN

    def eval_NamedExpr(self, node, scope, module):
        value = self.evaluate(node.value, scope, module)
        self.bind(node.target, value, scope, module)
        return value

    def element(self, value):
        """What a loop over this value yields."""
        found = []
        for one in alternatives(value):
            if isinstance(one, Cfg):
                found.append(Cfg(one.path + ("[]",)))
            elif isinstance(one, Many):
                found.extend(one.items)
            elif isinstance(one, Lit) and isinstance(one.value, (list, tuple)):
                found.extend(Lit(item) for item in one.value)
            elif isinstance(one, Table):
                found.extend(Lit(key) for key in one.items)
        return united(found)

    # Calls.

    def eval_Call(self, node, scope, module):
        args = [self.evaluate(arg.value if isinstance(arg, ast.Starred) else arg, scope, module) for arg in node.args]
        keywords = {}
        spread = []
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, scope, module)
            if keyword.arg is None:
                spread.append(value)
            else:
                keywords[keyword.arg] = value
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if isinstance(node.func, ast.Attribute):
            owner = self.evaluate(node.func.value, scope, module)
            result = self.method(owner, name, args, keywords)
            if result is not None:
                return result
        if name in TYPE_CALLS and args:
            self.typed(args[0], TYPE_CALLS[name], strict=name in ("parse_duration", "parse_size"))
            return args[0]
        if name in ("list", "set", "tuple", "dict", "frozenset", "sorted", "deepcopy", "copy", "iter", "reversed", "cast", "force_bytes"):
            return args[-1] if args else (Table({}) if name == "dict" else Many([]))
        if name == "enumerate" and args:
            return Many([Many([UNKNOWN, self.element(args[0])])])
        if name == "isinstance" and len(args) == 2:
            for kind in type_names(node.args[1]):
                self.typed(args[0], kind)
            return UNKNOWN
        if name == "load_module" and args:
            for one in alternatives(args[0]):
                if isinstance(one, Cfg):
                    self.child(one, "module", required=True)
                    self.child(one, "config", default=None)
            return UNKNOWN
        if name == "validate_config" and len(args) >= 2:
            self.by_schema(args[0], args[1])
            return UNKNOWN
        if name in ("parse_and_validate_mapping",) and len(args) >= 2:
            for one in alternatives(args[0]):
                if isinstance(one, Cfg):
                    models = list(alternatives(args[1]))
                    for model in models:
                        self.by_fields(model, Cfg(one.path + ("*",)), one_of_several=len(models) > 1)
            return UNKNOWN
        if name in ("parse_obj_as", "model_validate", "parse_obj") and args:
            for model in alternatives(self.evaluate(node.func.value, scope, module) if name != "parse_obj_as" else args[0]):
                for one in alternatives(args[-1]):
                    if isinstance(one, Cfg):
                        self.by_fields(model, one)
            return UNKNOWN
        target = self.evaluate(node.func, scope, module)
        results = []
        for one in alternatives(target):
            if isinstance(one, Fn):
                results.append(self.call(one, args, keywords, spread))
            elif isinstance(one, Cls):
                results.append(self.construct(one, args, keywords, spread))
        return united(results)

    def method(self, owner, name, args, keywords):
        """The result of a method of a configuration value or of a constant; None for any other owner."""
        found = None
        for one in alternatives(owner):
            result = None
            if isinstance(one, Cfg):
                result = self.of_config(one, name, args, keywords)
            elif isinstance(one, Lit) and name == "split" and isinstance(one.value, str):
                by = args[0].value if args and isinstance(args[0], Lit) else None
                result = Many([Lit(part) for part in one.value.split(by)])
            elif isinstance(one, Table) and name == "items":
                result = Many([Many([Lit(key), item]) for key, item in one.items.items()])
            elif isinstance(one, Table) and name in ("get", "pop") and args and isinstance(args[0], Lit):
                result = one.items.get(args[0].value, args[1] if len(args) > 1 else Lit(None))
            elif isinstance(one, Lit) and name in ("format", "join", "lower", "strip", "rstrip", "encode"):
                result = UNKNOWN
            if result is not None:
                found = result if found is None else united([found, result])
        return found

    def of_config(self, cfg, name, args, keywords):
        if name in ("get", "pop", "setdefault") and args:
            fallback = args[1] if len(args) > 1 else keywords.get("default", Lit(None))
            found = []
            for key in alternatives(args[0]):
                if isinstance(key, Lit) and isinstance(key.value, str):
                    default = plain(fallback)
                    if default is ABSENT and isinstance(fallback, Cfg):
                        default = ABSENT
                    found.append(self.child(cfg, key.value, default))
                    if default is ABSENT:
                        self.options[cfg.path + (key.value,)]["optional"] = True
                else:
                    found.append(Cfg(cfg.path + ("*",)))
            # The fallback itself is not followed: an empty mapping has no options.
            return united(found)
        if name == "items":
            return Many([Many([UNKNOWN, Cfg(cfg.path + ("*",))])])
        if name == "values":
            return Many([Cfg(cfg.path + ("*",))])
        if name in ("keys", "update", "append", "extend", "copy", "strip", "rstrip", "lower", "encode", "split", "startswith", "endswith"):
            return cfg if name in ("copy", "strip", "rstrip", "lower", "encode") else UNKNOWN
        return None

    def call(self, fn, args, keywords, spread):
        key = (fn.module.name, fn.node.name, fn.node.lineno)
        if self.depth >= MAX_DEPTH or self.running.count(key) >= 2:
            return UNKNOWN
        names = [a.arg for a in getattr(fn.node.args, "posonlyargs", []) + fn.node.args.args]
        own = names + [a.arg for a in fn.node.args.kwonlyargs]
        scope = {name: value for name, value in (fn.around or {}).items() if name not in own}
        if names and names[0] in ("self", "cls") and "staticmethod" not in decorators(fn.node):
            scope[names[0]] = fn.bound if fn.bound is not None else UNKNOWN
            names = names[1:]
        defaults = fn.node.args.defaults
        for name, node in zip(names[len(names) - len(defaults):] if defaults else [], defaults):
            scope[name] = self.evaluate(node, {}, fn.module)
        for arg, node in zip(fn.node.args.kwonlyargs, fn.node.args.kw_defaults):
            scope[arg.arg] = self.evaluate(node, {}, fn.module) if node is not None else UNKNOWN
        for name in names:
            scope.setdefault(name, UNKNOWN)
        scope.update(zip(names, args))
        scope.update({name: value for name, value in keywords.items()})
        for value in spread:
            for one in alternatives(value):
                if isinstance(one, Cfg):
                    for name in names + [a.arg for a in fn.node.args.kwonlyargs]:
                        if name not in keywords:
                            scope[name] = self.child(one, name)
        self.depth += 1
        self.running.append(key)
        returned = []
        try:
            self.run(fn.node.body, scope, fn.module, returned)
        finally:
            self.depth -= 1
            self.running.pop()
        return united(returned)

    def construct(self, cls, args, keywords, spread):
        inst = Inst(cls)
        init = self.member(cls, "__init__")
        if isinstance(init, Fn) and init.module is cls.module:
            self.call(Fn(init.node, init.module, inst), args, keywords, spread)
        else:
            for value in spread:
                for one in alternatives(value):
                    if isinstance(one, Cfg):
                        self.by_fields(cls, one)
            for (name, _, _), value in zip(self.fields(cls), args):
                inst.attrs[name] = value
            inst.attrs.update(keywords)
            post = self.member(cls, "__attrs_post_init__")
            if isinstance(post, Fn):
                self.call(Fn(post.node, post.module, inst), [], {}, [])
        return inst

    # Models: attrs and pydantic classes, JSON schemas.

    def fields(self, cls):
        """Name, default (ABSENT: required) and annotation of each field, those of base classes first."""
        found = []
        for base in self.bases(cls):
            found.extend(self.fields(base))
        for node in cls.node.body:
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                name, value, annotation = node.target.id, node.value, node.annotation
            elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and is_attrib(node.value):
                name, value, annotation = node.targets[0].id, node.value, None
            else:
                continue
            if annotation is not None and "ClassVar" in ast.dump(annotation):
                continue
            found.append((field_alias(value) or name, self.field_default(value, annotation, cls.module), annotation))
        return found

    def validators(self, cls):
        """The functions with which a pydantic model validates its input, each with its fields; (): the whole input."""
        for base in self.bases(cls):
            for one in self.validators(base):
                yield one
        for node in cls.node.body:
            for decorator in getattr(node, "decorator_list", []):
                if not isinstance(decorator, ast.Call):
                    continue
                name = call_name(decorator)
                if name in ("field_validator", "validator"):
                    fields = [literal(arg) for arg in decorator.args]
                    yield Fn(node, cls.module, cls), tuple(field for field in fields if isinstance(field, str))
                elif name == "model_validator" and any(k.arg == "mode" and literal(k.value) == "before" for k in decorator.keywords):
                    yield Fn(node, cls.module, cls), ()

    def field_default(self, node, annotation, module):
        if node is None:
            return ABSENT
        if isinstance(node, ast.Call) and call_name(node) in ("ib", "attrib", "Field", "field", "Factory"):
            for keyword in node.keywords:
                if keyword.arg == "default":
                    return self.evaluate(keyword.value, {}, module)
                if keyword.arg in ("factory", "default_factory"):
                    return {"list": Lit([]), "dict": Lit({})}.get(getattr(keyword.value, "id", ""), UNKNOWN)
            if call_name(node) == "Factory":
                return {"list": Lit([]), "dict": Lit({})}.get(getattr(node.args[0], "id", ""), UNKNOWN) if node.args else UNKNOWN
            if call_name(node) == "Field" and node.args:
                return ABSENT if literal(node.args[0]) is Ellipsis else self.evaluate(node.args[0], {}, module)
            return ABSENT
        value = self.evaluate(node, {}, module)
        if isinstance(value, Inst) and isinstance(node, ast.Call) and node.args:
            return self.evaluate(node.args[0], {}, module)
        if value is UNKNOWN and isinstance(node, ast.Call) and len(node.args) == 1:
            return self.evaluate(node.args[0], {}, module)
        return value

    def by_fields(self, model, cfg, one_of_several=False):
        if not isinstance(model, Cls) or self.depth >= MAX_DEPTH:
            return
        self.depth += 1
        try:
            for name, default, annotation in self.fields(model):
                # attrs turns the field `_secret` into the argument `secret`.
                name = name.lstrip("_")
                written = default if default is ABSENT else plain(default)
                # A field that one of several models requires may not exist in another.
                required = default is ABSENT and not optional(annotation) and not one_of_several
                if default is ABSENT and not required and optional(annotation):
                    written = None
                child = self.child(cfg, name, written, required=required)
                self.options[child.path]["optional"] |= default is not ABSENT
                self.by_annotation(annotation, child, model.module)
            for check, names in self.validators(model):
                for given in [Cfg(cfg.path + (name,)) for name in names] or [cfg]:
                    self.call(check, [given], {}, [])
        finally:
            self.depth -= 1

    def by_annotation(self, node, cfg, module):
        if node is None:
            return
        if isinstance(node, ast.BinOp):
            self.by_annotation(node.left, cfg, module)
            self.by_annotation(node.right, cfg, module)
            return
        if isinstance(node, ast.Subscript):
            outer = getattr(node.value, "id", getattr(node.value, "attr", ""))
            inner = node.slice.value if type(node.slice).__name__ == "Index" else node.slice
            parts = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            parsed = [kind for kind in map(parsed_by, parts[1:]) if kind] if outer == "Annotated" else []
            if parsed:
                # The configured value is parsed first, so the annotated type is the type of the result.
                self.record(cfg.path, kind=parsed[0])
                self.strict.setdefault(cfg.path, set()).add(parsed[0])
            elif outer in ("Optional", "Union", "Annotated", "Final"):
                for part in parts:
                    self.by_annotation(part, cfg, module)
            elif outer in ("List", "list", "Sequence", "Collection", "Iterable", "Tuple", "tuple", "Set", "set"):
                self.record(cfg.path, kind="list")
                self.by_annotation(parts[0], Cfg(cfg.path + ("[]",)), module)
            elif outer in ("Dict", "dict", "Mapping"):
                self.record(cfg.path, kind="mapping")
                self.by_annotation(parts[-1], Cfg(cfg.path + ("*",)), module)
            elif outer == "Literal":
                self.record(cfg.path, kind="string")
            return
        name = getattr(node, "id", getattr(node, "attr", ""))
        if name in FIELD_TYPES:
            self.record(cfg.path, kind=FIELD_TYPES[name])
            if name.startswith("Strict"):
                self.strict.setdefault(cfg.path, set()).add(FIELD_TYPES[name])
        elif name and name != "None":
            alias = self.annotation_of(name, module)
            if alias is not None:
                self.by_annotation(alias[0], cfg, alias[1])
                return
            value = self.lookup(name, {}, module)
            for one in alternatives(value):
                self.by_fields(one, cfg)

    def annotation_of(self, name, module):
        """The annotation that a name stands for (`Size = Annotated[…]`), and its module; None if it is not one."""
        for _ in range(MAX_DEPTH):
            node = module.top.get(name)
            if isinstance(node, tuple):
                module, name = self.module_of(node[0], node[1]), node[2]
                if module is None:
                    return None
            else:
                return (node, module) if isinstance(node, ast.Subscript) else None
        return None

    def by_schema(self, schema, value):
        # `config.get("x") or {}`, or a check inside `if x:`: null is accepted.
        fallback = any(not isinstance(one, Cfg) for one in alternatives(value))
        for cfg in alternatives(value):
            if isinstance(cfg, Cfg):
                self.schema_at(schema, cfg, 0)
                seen = self.options.get(cfg.path)
                if (fallback or self.nested) and seen and seen.get("accepts"):
                    seen["accepts"].add("null")

    def schema_at(self, schema, cfg, depth, one_of_several=False):
        if not isinstance(schema, Table) or depth > MAX_DEPTH:
            return
        kinds = schema.items.get("type")
        for kind in (kinds.items if isinstance(kinds, Many) else [kinds]):
            if isinstance(kind, Lit) and SCHEMA_TYPES.get(kind.value, "null") != "null":
                self.record(cfg.path, kind=SCHEMA_TYPES[kind.value])
        names = [SCHEMA_TYPES[k.value] for k in (kinds.items if isinstance(kinds, Many) else [kinds]) if isinstance(k, Lit) and k.value in SCHEMA_TYPES]
        if names and cfg.path and not one_of_several:
            self.accept(cfg.path, names)
        properties = schema.items.get("properties")
        if isinstance(properties, Table):
            for name, inner in properties.items.items():
                self.schema_at(inner, self.child(cfg, name), depth + 1)
        for key, segment in (("items", "[]"), ("additionalProperties", "*")):
            if isinstance(schema.items.get(key), Table):
                self.schema_at(schema.items[key], Cfg(cfg.path + (segment,)), depth + 1)
        for key in ("oneOf", "anyOf", "allOf"):
            several = schema.items.get(key)
            inners = several.items if isinstance(several, Many) else []
            if key != "allOf":
                self.accept(cfg.path, sorted(schema_types(inners)))
            for inner in inners:
                self.schema_at(inner, cfg, depth + 1, one_of_several=key != "allOf")

    # Statements.

    def run(self, body, scope, module, returned):
        for node in body:
            self.statement(node, scope, module, returned)

    def statement(self, node, scope, module, returned):
        if isinstance(node, ast.Assign):
            value = self.evaluate(node.value, scope, module)
            for target in node.targets:
                self.bind(target, value, scope, module)
        elif isinstance(node, ast.AnnAssign):
            if node.value is not None:
                self.bind(node.target, self.evaluate(node.value, scope, module), scope, module)
        elif isinstance(node, ast.AugAssign):
            self.evaluate(node.value, scope, module)
        elif isinstance(node, ast.Return):
            if node.value is not None:
                returned.append(self.evaluate(node.value, scope, module))
        elif isinstance(node, ast.Expr):
            self.evaluate(node.value, scope, module)
        elif isinstance(node, ast.If):
            self.branches(node, scope, module, returned)
        elif isinstance(node, ast.For):
            self.loop(node, scope, module, returned)
        elif isinstance(node, ast.While):
            self.evaluate(node.test, scope, module)
            self.run(node.body, scope, module, returned)
        elif isinstance(node, ast.Try):
            for part in [node.body, node.orelse, node.finalbody] + [handler.body for handler in node.handlers]:
                self.run(part, scope, module, returned)
        elif isinstance(node, (ast.With, ast.AsyncWith)):
            for item in node.items:
                self.evaluate(item.context_expr, scope, module)
            self.run(node.body, scope, module, returned)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            scope[node.name] = Fn(node, module, around=scope)
        elif isinstance(node, ast.Raise):
            if node.exc is not None:
                self.evaluate(node.exc, scope, module)
        elif isinstance(node, ast.Assert):
            self.evaluate(node.test, scope, module)

    def branches(self, node, scope, module, returned):
        self.evaluate(node.test, scope, module)
        if isinstance(node.body[-1], ast.Raise):
            self.checked_types(node.test, scope, module)
        path = self.whether_set(node.test, scope, module)
        if path is not None and path in self.options and not self.nested:
            if isinstance(node.body[-1], ast.Raise) and not node.orelse:
                self.mark(path, "refused", node.test)
            elif any(is_warning(child) for child in node.body):
                self.mark(path, "warned", node.test)
        before = dict(scope)
        # Inside a test of another option, a refusal is about the combination of the two.
        conditional = self.mentions_config(node.test, scope, module)
        self.nested += conditional
        self.run(node.body, scope, module, returned)
        other = dict(before)
        self.run(node.orelse, other, module, returned)
        self.nested -= conditional
        for name in set(scope) | set(other):
            scope[name] = united([scope[name] if name in scope else UNKNOWN, other[name] if name in other else UNKNOWN])

    def mark(self, path, name, test):
        # Of several tests the widest counts.
        rank = [True, "not null", "present"]
        seen = self.options[path].get(name)
        self.options[path][name] = max([how_set(test)] + ([seen] if seen else []), key=rank.index)

    def checked_types(self, test, scope, module):
        """`if x is not None and not isinstance(x, str): raise`: records the kinds of value that the option accepts."""
        parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]
        nulls = any(isinstance(p, ast.Compare) and isinstance(p.ops[0], ast.IsNot) for p in parts)
        if self.nested or len(parts) > 2 or (len(parts) == 2 and not nulls and not isinstance(parts[0], ast.Name)):
            return
        call = parts[-1].operand if isinstance(parts[-1], ast.UnaryOp) and isinstance(parts[-1].op, ast.Not) else None
        if not (isinstance(call, ast.Call) and call_name(call) == "isinstance" and len(call.args) == 2):
            return
        kinds = type_names(call.args[1])
        value = self.evaluate(call.args[0], scope, module)
        found = [one for one in alternatives(value) if isinstance(one, Cfg)]
        others = [one for one in alternatives(value) if not isinstance(one, Cfg)]
        if kinds and len(found) == 1:
            # A fallback (`or {}`) replaces null. Otherwise null is refused, unless the code tests for None first.
            self.accept(found[0].path, kinds + (["null"] if len(parts) == 2 or others else []))

    def mentions_config(self, test, scope, module):
        for node in ast.walk(test):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)):
                if any(isinstance(one, Cfg) for one in alternatives(self.evaluate(node.comparators[0], scope, module))):
                    return True
        return any(
            isinstance(one, Cfg) and one.path[:1] not in ((), ("worker_app",), ("worker_name",))
            for node in ast.walk(test)
            if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript, ast.Call)) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)
            for one in alternatives(self.evaluate(node, scope, module))
        )

    def whether_set(self, test, scope, module):
        """The path of the option whose presence is tested: `x`, `x is not None`, `"x" in config`. Otherwise None."""
        if isinstance(test, ast.Compare) and len(test.ops) == 1:
            if isinstance(test.ops[0], ast.In):
                key, where = self.evaluate(test.left, scope, module), self.evaluate(test.comparators[0], scope, module)
                # `config.get("x") or {}`: the fallback is empty.
                wheres = [one for one in alternatives(where) if isinstance(one, Cfg)]
                others = [one for one in alternatives(where) if not isinstance(one, (Cfg, Lit, Table))]
                if isinstance(key, Lit) and isinstance(key.value, str) and len(wheres) == 1 and not others:
                    return wheres[0].path + (key.value,)
                return None
            if not (isinstance(test.ops[0], (ast.IsNot, ast.NotEq)) and literal(test.comparators[0]) is None):
                return None
            test = test.left
        if not isinstance(test, (ast.Name, ast.Attribute, ast.Call)):
            return None
        value = self.evaluate(test, scope, module)
        found = [one for one in alternatives(value) if isinstance(one, Cfg)]
        others = [one for one in alternatives(value) if not isinstance(one, (Cfg, Lit, Table, Many))]
        return found[0].path if len(found) == 1 and not others else None

    def loop(self, node, scope, module, returned):
        source = self.evaluate(node.iter, scope, module)
        items = []
        for one in alternatives(source):
            if isinstance(one, Many):
                items.extend(one.items)
            elif isinstance(one, Lit) and isinstance(one.value, (list, tuple)):
                items.extend(Lit(item) for item in one.value)
            else:
                items.append(self.element(one))
        # A loop over constants is evaluated for each: `for part in "a.b".split("."): config = config.get(part)`.
        for item in items[:40]:
            self.bind(node.target, item, scope, module)
            self.run(node.body, scope, module, returned)
        self.run(node.orelse, scope, module, returned)

    def bind(self, target, value, scope, module):
        if isinstance(target, ast.Name):
            scope[target.id] = value
        elif isinstance(target, ast.Attribute):
            for one in alternatives(self.evaluate(target.value, scope, module)):
                if isinstance(one, Inst):
                    one.attrs[target.attr] = united([value, one.attrs[target.attr]]) if target.attr in one.attrs else value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for index, part in enumerate(target.elts):
                parts = [one.items[index] for one in alternatives(value) if isinstance(one, Many) and index < len(one.items)]
                self.bind(part, united(parts), scope, module)


def how_set(test):
    """What counts as set: a true value (True), anything but null ("not null"), or any value at all ("present")."""
    if not isinstance(test, ast.Compare):
        return True
    return "present" if isinstance(test.ops[0], ast.In) else "not null"


def is_warning(node):
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and call_name(node.value) in ("warning", "warn", "error")


def schema_types(schemas):
    """The kinds that a choice of JSON schemas allows; empty if one of them allows everything."""
    found = set()
    for schema in schemas:
        kinds = schema.items.get("type") if isinstance(schema, Table) else None
        names = [k.value for k in (kinds.items if isinstance(kinds, Many) else [kinds]) if isinstance(k, Lit)]
        if not names and not (isinstance(schema, Table) and "required" in schema.items):
            inner = schema.items.get("allOf") if isinstance(schema, Table) else None
            if not isinstance(inner, Many):
                return set()
            names = [name for name in SCHEMA_TYPES if SCHEMA_TYPES[name] in schema_types(inner.items)]
        found |= {SCHEMA_TYPES[name] for name in names if name in SCHEMA_TYPES}
    return found


def decorators(node):
    return [getattr(d, "id", getattr(d, "attr", "")) for d in node.decorator_list]


def call_name(node):
    return getattr(node.func, "attr", getattr(node.func, "id", ""))


def is_attrib(node):
    return isinstance(node, ast.Call) and call_name(node) in ("ib", "attrib")


def field_alias(node):
    """The name of a field in the configuration, if it differs from the field's own; otherwise None."""
    if isinstance(node, ast.Call) and call_name(node) == "Field":
        for wanted in ("validation_alias", "alias"):
            for keyword in node.keywords:
                if keyword.arg == wanted and isinstance(literal(keyword.value), str):
                    return literal(keyword.value)
    return None


def parsed_by(node):
    """The kind of value that `BeforeValidator(Config.parse_size)` expects, or None."""
    if isinstance(node, ast.Call) and call_name(node) == "BeforeValidator" and node.args:
        name = getattr(node.args[0], "attr", getattr(node.args[0], "id", ""))
        return TYPE_CALLS.get(name) if name.startswith("parse_") else None
    return None


def optional(annotation):
    return annotation is not None and ("Optional" in ast.dump(annotation) or "None" in ast.dump(annotation))


def type_names(node):
    nodes = node.elts if isinstance(node, ast.Tuple) else [node]
    return [TYPE_NAMES[name] for name in (getattr(n, "id", getattr(n, "attr", "")) for n in nodes) if name in TYPE_NAMES]


# Options that other code reads directly from a section passed to it: the file, the expressions for the section there,
# and the section's path.
ELSEWHERE = [
    (r"^synapse/storage/(engines/\w+|database)\.py$", ("database_config", "db_config", "self.config", "db_config.config", "database_config.config"), ("database",)),
    (r"^synapse/handlers/password_policy\.py$", ("self.policy",), ("password_config", "policy")),
    # Until 1.15 each process read its listeners itself.
    (r"^synapse/app/\w+\.py$", ("listener_config",), ("listeners", "[]")),
    (r"^synapse/app/(homeserver|media_repository|client_reader|generic_worker)\.py$", ("res",), ("listeners", "[]", "resources", "[]")),
    (r"^synapse/http/site\.py$", ("config",), ("listeners", "[]")),
    (r"^synapse/rest/media/v1/storage_provider\.py$|^synapse/media/storage_provider\.py$", ("config",), ("media_storage_providers", "[]", "config")),
]

# Synapse's own classes that receive a provider's `config`: the file, the class, and the paths of the providers.
PROVIDERS = [
    (r"^synapse/handlers/(oidc|oidc_handler)\.py$", "JinjaOidcMappingProvider", (("oidc_config",), ("oidc_providers", "[]"))),
    (r"^synapse/handlers/(saml|saml_handler)\.py$", "DefaultSamlMappingProvider", (("saml2_config",),)),
]


def dotted(node):
    if isinstance(node, ast.Attribute):
        return dotted(node.value) + "." + node.attr
    return node.id if isinstance(node, ast.Name) else "?"


def read_elsewhere(reader, files):
    for pattern, receivers, prefix in ELSEWHERE:
        for path, text in sorted(files.items()):
            if not re.search(pattern, path):
                continue
            module = parsed(path, text)
            for node in ast.walk(module.tree):
                found = key_read(node, receivers)
                if found is None:
                    continue
                key, fallback, required = found
                # What the configuration's own code says takes precedence.
                if prefix + (key,) in reader.options:
                    continue
                default = ABSENT if required else plain(reader.evaluate(fallback, {}, module)) if fallback is not None else None
                reader.record(prefix + (key,), default, required=required)
                reader.options[prefix + (key,)]["optional"] |= not required
                reader.options[prefix + (key,)].setdefault("file", path)


def key_read(node, receivers):
    """`receiver.get("key", fallback)` or `receiver["key"]`: the key, the fallback's node, whether it is required."""
    if isinstance(node, ast.Call) and call_name(node) == "get" and isinstance(node.func, ast.Attribute) and node.args:
        key = literal(node.args[0])
        if dotted(node.func.value) in receivers and isinstance(key, str):
            return key, node.args[1] if len(node.args) > 1 else None, False
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and dotted(node.value) in receivers:
        index = node.slice.value if type(node.slice).__name__ == "Index" else node.slice
        key = literal(index)
        if isinstance(key, str):
            return key, None, True
    return None


def read_providers(reader, files):
    for pattern, name, owners in PROVIDERS:
        for path, text in sorted(files.items()):
            module = parsed(path, text) if re.search(pattern, path) else None
            node = module.top.get(name) if module else None
            if not isinstance(node, ast.ClassDef):
                continue
            module.cache = {}
            for parse in node.body:
                if isinstance(parse, ast.FunctionDef) and parse.name == "parse_config":
                    for owner in owners:
                        provider = owner + ("user_mapping_provider",)
                        if provider in reader.options:
                            reader.call(Fn(parse, module), [Cfg(provider + ("config",))], {}, [])


def read_options(files, others=()):
    """Returns path → state, ready for JSON. `files` maps `synapse/config/x.py` to its text; `others` is other code.

            A state has `file`, `default` (absent if computed or unknown), `required` if the code reads the key without testing
            for it, `type` if it is known, `accepts` if values of other kinds are refused, `refused` if setting the option
            prevents the start, and `warned` if setting it only logs a warning.

        Raises SyntaxError, with the path, for a file that this Python cannot parse.
    """
    others = dict(others)
    modules = {}
    for path, text in sorted(files.items()):
        try:
            modules[path.split("/")[-1][: -len(".py")]] = parsed(path, text)
        except SyntaxError as error:
            raise SyntaxError("%s: %s" % (path, error))
    for module in modules.values():
        module.cache = {}
    reader = Reader(modules)
    for name in sorted(modules):
        for node in modules[name].tree.body:
            if not isinstance(node, ast.ClassDef) or name == "_base":
                continue
            section = Inst(Cls(node, modules[name]))
            for method in ("read_config", "read_arguments"):
                found = [n for n in node.body if isinstance(n, ast.FunctionDef) and n.name == method]
                if found and method == "read_config":
                    args = [a.arg for a in found[0].args.args]
                    if len(args) > 1 and args[0] == "self":
                        reader.call(Fn(found[0], modules[name], section), [Cfg(())], {}, [])
    for path, kinds in reader.strict.items():
        seen = reader.options.get(path)
        if seen is not None:
            seen["accepts"] = kinds | ({"null"} if None in seen["defaults"] else set())
    read_elsewhere(reader, others)
    read_providers(reader, others)
    return {written(path): summary(seen) for path, seen in sorted(reader.options.items()) if worth(path)}


PARSED = {}


def parsed(path, text):
    """Parses each text only once, because a file changes in few releases."""
    key = (path, text)
    if key not in PARSED:
        if len(PARSED) > 400:
            PARSED.clear()
        PARSED[key] = Module(path, text)
    return PARSED[key]


def worth(path):
    # A path that ends in an element or a member is not an option of its own.
    return path[-1] not in ("[]", "*") and not any(part == "" or part.startswith("_") for part in path)


def written(path):
    """`listeners[].type`, `instance_map.*.port`; a name with a dot in quotes."""
    text = ""
    for part in path:
        if part == "[]":
            text += "[]"
        else:
            name = '"%s"' % part if "." in part else part
            text += name if not text else "." + name
    return text


def summary(seen):
    result = {}
    explicit = [d for d in seen["defaults"] if d is not None]
    if len(explicit) == 1:
        result["default"] = explicit[0]
    elif not explicit and None in seen["defaults"]:
        result["default"] = None
    elif seen["required"] and not seen["defaults"] and not seen["optional"]:
        result["required"] = True
    types = sorted(seen["types"])
    if types:
        result["type"] = types[0] if len(types) == 1 else types
    if "file" in seen:
        result["file"] = seen["file"]
    if seen.get("accepts"):
        result["accepts"] = sorted(seen["accepts"])
    for mark in ("refused", "warned"):
        if seen.get(mark):
            result[mark] = seen[mark]
    return result

