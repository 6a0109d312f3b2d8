# Prints Synapse's configuration without its values. Reads the files given as arguments (for a folder, its *.yaml files)
# up to 400 kB each, writes no file and sends nothing. Keeps option names, kinds (text, number, list), true/false/null,
# lengths, amounts, and these WORDS.
import os, re, sys, yaml
WORDS = set("""http https metrics manhole replication client federation media keys openid consent static health
 psycopg2 sqlite3 ::1 127.0.0.1 :: 0.0.0.0 localhost main master matrix.org * email msisdn profile allow deny livekit none auto
 only_for_reauth never always off all invite open public authenticated client_secret_basic client_secret_post private_key_jwt
 userinfo_endpoint 1 2 3 4 5 6 7 8 9 10 11 12 s3_storage_provider.S3StorageProviderBackend subject_claim picture_claim
 ldap_auth_provider.LdapAuthProvider ldap_auth_provider.LdapAuthProviderModule mxid_source_attribute mxid_mapping webclient
 mjolnir.Module synapse.handlers.oidc_handler.JinjaOidcMappingProvider riot.im logging.FileHandler
 logging.handlers.RotatingFileHandler logging.handlers.TimedRotatingFileHandler systemd.journal.JournalHandler""".split())
SECRET = re.compile("secret|pass|token|key|salt|pepper|dsn|credential|user|private|sid", re.I)
AMOUNT = re.compile("(^|_)(port|size|count|factor|limit|period|lifetime|interval|time|timeout|second|width|height|cp_min"
                    "|cp_max|age|days|delay|ttl|rounds|complexity|after|duration|pixels|max|min|version)$")
NAME = re.compile(r"(?!(?:\D*\d){6})[A-Za-z][a-z0-9]{0,15}([_-][a-z0-9]{1,16}){0,12}$")
OWN = {"config", "sp_config", "jaeger_config", "verify_keys", "old_signing_keys", "required_attributes", "headers",
       "additional_resources", "per_cache_factors", "mau_appservice_trial_days"}        # names under these are your own, so hidden
workers, left = {"main": "main", "master": "master"}, [20000]
def show(n, key, pad, hide):
    left[0] -= 1
    if left[0] < 0: raise RecursionError
    if not isinstance(n, yaml.ScalarNode):
        rows, mapping = [], isinstance(n, yaml.MappingNode)
        for i, item in enumerate(n.value, 1):
            name = str(item[0].value) if mapping and isinstance(item[0], yaml.ScalarNode) else ""
            known = name == "<<" or name in WORDS or NAME.match(name) and not hide and key not in ("instance_map", "databases")
            text = show(item[1], name, pad + "  ", hide or name in OWN) if mapping else show(item, key, pad + "  ", hide)
            line = "  # %d" % (item[0].start_mark.line + 1) if mapping else ""
            text = line + text if text.startswith("\n") else text + line
            rows.append("\n" + pad + (workers.get(name) or (name if known else "own%d" % i)) * mapping + ("-", ":")[mapping] + text)
        return "".join(rows) or (" []", " {}")[mapping]
    kind, v, amount = n.tag[18:] if n.tag.startswith("tag:yaml.org,2002:") else "?", n.value, AMOUNT.search(key) and not hide
    if kind == "null": return " null"
    if kind == "bool": return " true" if v.lower() in ("true", "yes", "on") else " false"
    if kind in ("int", "float"): return " " + (v if amount and re.match(r"[0-9.]{1,12}$", v) else {"int": "0", "float": "0.1"}[kind])
    if kind == "timestamp": return " 2000-01-01"
    if kind == "str" and (v == "" or amount and re.match(r"\d{1,9}(\.\d)?(ms|[smhdwyKMG])?$", v)): return ' "%s"' % v
    if kind == "?": return ' !tag "***"'
    if kind != "str" or hide or SECRET.search(key): return ' "***"'
    return ' "%s"' % (workers.get(v) or (v if v in WORDS or re.match(r"synapse\.app\.[a-z_]{1,30}$", v) else "***"))
trees = []
paths = [sorted(p + "/" + name for name in os.listdir(p) if name.endswith(".yaml")) if os.path.isdir(p) else [p] for p in sys.argv[1:]]
for path in sum(paths, []) or ["/data/homeserver.yaml"]:
    try:
        text = open(path, encoding="utf-8", errors="replace").read(400001)
        trees.append(yaml.compose(text, Loader=yaml.SafeLoader) if len(text) <= 400000 else "too large")
    except OSError as e: trees.append("cannot be read: " + str(e.strerror))
    except RecursionError: trees.append("is nested too deeply")
    except yaml.YAMLError as e: trees.append("is not valid YAML, see line %d" % (getattr(getattr(e, "problem_mark", 0), "line", -1) + 1))
for t in trees:                                                    # each worker gets the same made-up name in every file
    for k, c in t.value if isinstance(t, yaml.MappingNode) else []:
        for w in {"worker_name": [c], "instance_map": [x[0] for x in c.value] if isinstance(c, yaml.MappingNode) else []}.get(k.value, []) \
                if isinstance(k, yaml.ScalarNode) else []:
            if isinstance(w, yaml.ScalarNode) and w.value: workers.setdefault(w.value, "worker%d" % (len(workers) - 1))
for i, t in enumerate(trees, 1):
    try: print("--- # file %d" % i + (": " + t if isinstance(t, str) else show(t, "", "", False) if t else ": empty"))
    except RecursionError: print("--- # file %d: too large" % i)
