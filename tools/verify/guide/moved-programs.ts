// Stand-ins for Docker and for the playbook's runs, on a machine to which a server moves.

export type Places = {
	root: string;
	/** The playbook's folder. */
	matrix: string;
	/** The port of its PostgreSQL. */
	port: string;
	/** The PATH for its programs. */
	path: string;
	/** The old server's folder. */
	cwd: string;
	/** The folder for the dumps on the old machine, and on the new one. */
	dump: Record<'old' | 'new', string>;
};

/** Starts here what `docker run` and `docker exec` start, with the paths of the mounts in place of the container's. */
export function dockerScript(python: string, { root, matrix, path, cwd }: Places): string {
	return `case "$1" in
update) [[ "$2" == --restart=* ]] && shift 2 || exit 1
	for name in "$@"; do case "$name" in synapse|db) ;; *) echo "Error response from daemon: No such container: $name" >&2; exit 1 ;; esac; done; exit 0 ;;
ps) exit 0 ;;
stop|start|rm|inspect)
	verb=$1; shift; cd ${cwd}
	for name in "$@"; do
		case "$verb $name" in
		'inspect synapse') echo '[]'; exit 0 ;; inspect*|*--format) exit 1 ;;
		'start synapse'|'start db') ${root}/bin/docker-services compose up -d "$name" ;;
		'stop synapse'|'stop db') ${root}/bin/docker-services compose stop "$name" ;;
		'rm synapse'|'rm db') ${root}/bin/docker-services compose rm -f "$name" ;;
		*) echo "Error response from daemon: No such container: $name" >&2; exit 1 ;;
		esac || exit
	done
	exit 0 ;;
compose) [ "$2" = ps ] || exec ${root}/bin/docker-services "$@"
	[ -e docker-compose.yml ] || { echo 'no configuration file provided: not found' >&2; exit 14; }
	case "$3" in ''|--all) printf 'NAME SERVICE STATUS\\nhome-synapse-1 synapse running\\nhome-db-1 db running\\n'; exit 0 ;;
	--services|-q) echo "\${4:-synapse db}" | tr ' ' '\\n'; exit 0 ;; *) echo "docker compose ps $3 is not simulated" >&2; exit 1 ;; esac ;;
run|exec) ;;
*) echo "docker: '$1' is not simulated" >&2; exit 1 ;;
esac
verb=$1; shift; from=(/run/postgresql); to=(${root}/socket); settings=(); entry=; input=
while [[ "$1" == -* ]]; do
	case "$1" in
	--entrypoint=*) entry=\${1#*=} ;;
	--entrypoint) entry=$2; shift ;;
	--env-file=*) mapfile -t settings < <(grep '^[A-Z]' "\${1#*=}") ;;
	--name|--network|--user|--workdir) shift ;;
	-i) input=1 ;;
	--user=*) as=\${1#*=} ;;
	--mount) s=\${2#*src=}; s=\${s%%,*}; d=\${2#*dst=}; from+=("\${d%%,*}"); to+=("$s"); shift
		[ -e "$s" ] || { echo "docker: Error response from daemon: invalid mount config for type \\"bind\\": bind source path does not exist: $s" >&2; exit 125; } ;;
	-v) IFS=: read -r s d _ <<< "$2"; from+=("$d"); to+=("$s"); shift ;;
	esac
	shift
done
if [ "$verb $1" = 'exec db' ]; then
	[ -n "$input" ] || exec < /dev/null
	cd ${cwd} && exec ${root}/bin/docker-services compose exec -T "$@"
fi
shift; words=()
for word in "$@"; do
	for i in "\${!from[@]}"; do word=\${word//\${from[$i]}/\${to[$i]}}; done
	words+=("$word")
done
case "$entry" in
python) entry=${python} ;; /bin/sh) entry=bash ;;
synapse_port_db)
	# The program is in a cache that only root can read, so whether its user can read the mounts is checked here.
	for place in "\${to[@]}"; do
		setpriv --reuid "\${as%:*}" --regid "\${as#*:}" --clear-groups test -r "$place" -a -x "$place" || { echo "Permission denied: $place" >&2; exit 1; }
	done
	for i in "\${!words[@]}"; do [ "\${words[$i]}" != ${matrix}/synapse/config/homeserver.yaml ] || words[$i]=${root}/new.yaml; done
	entry="${python} -m synapse._scripts.synapse_port_db" ;;
esac
PATH=${path} exec env "\${settings[@]}" $entry "\${words[@]}"`;
}

/** Like the roles, starts PostgreSQL if necessary, stops it after an import, and starts Synapse again if it was on. */
export function ansibleScript({ root, matrix, port, path }: Places, units: string): string {
	return `was=; ${root}/bin/systemctl is-active -q matrix-postgres && was=active
case "$*" in *-postgres*) ${root}/bin/systemctl start matrix-postgres
	for i in $(seq 300); do PATH=${path} pg_isready -q -p ${port} -h ${root}/socket && break; sleep 0.1; done ;;
esac
case "$*" in
*--tags=import-postgres*postgres_default_import_database=synapse*) bash ${root}/restore.sh ;;
*--tags=import-postgres*mas.sql.gz*postgres_default_import_database=matrix_authentication_service*)
	sed -e 's/synapse\\.sql\\.gz/mas.sql.gz/g' -e 's/--dbname=synapse/--dbname=matrix_authentication_service/g' ${root}/restore.sh > ${root}/restore-mas.sh; bash ${root}/restore-mas.sh ;;
*--tags=import-synapse-media-store*)
	on=; if [ -e ${root}/matrix-synapse.enabled ] || ${root}/bin/systemctl is-active -q matrix-synapse; then on=1; fi
	${root}/bin/systemctl disable --now matrix-synapse
	src=\${!#}; mkdir -p ${matrix}/synapse/storage/media-store; cp -a "\${src##*=}/." ${matrix}/synapse/storage/media-store/; chown -R matrix:matrix ${matrix}/synapse/storage
	[ -z "$on" ] || ${root}/bin/systemctl start matrix-synapse ;;
*--tags=install-postgres*) ${matrix}/postgres/bin/cli-non-interactive -v ON_ERROR_STOP=0 --file=${root}/managed.sql < /dev/null ;;
*--tags=start*) ${root}/bin/systemctl enable --now ${units} ;;
*) echo "not simulated: $*" >&2; exit 1 ;;
esac && echo failed=0; status=$?
case "$*" in *import-postgres*) [ -n "$was" ] || ${root}/bin/systemctl stop matrix-postgres ;; esac
exit $status`;
}

/** Copies locally what goes between the machines. The new machine has a different folder for the dumps. */
export function rsyncScript({ dump }: Places): string {
	return `paths=(); delete=
for word in "$@"; do
	case "$word" in -a) ;; --delete) delete=1 ;; -*) echo "rsync: $word is not simulated" >&2; exit 1 ;;
	root@*:*) word=\${word#*:}; paths+=("\${word/#${escaped(dump.old)}/${escaped(dump.new)}}") ;; *) paths+=("$word") ;;
	esac
done
to=\${paths[-1]}; unset 'paths[-1]'
[ -d "$(dirname "$to")" ] || { echo "rsync: mkdir \\"$to\\" failed: No such file or directory (2)" >&2; exit 11; }
for path in "\${paths[@]}"; do
	[ -e "$path" ] || { echo "rsync: link_stat \\"$path\\" failed: No such file or directory (2)" >&2; exit 23; }
done
[ -z "$delete" ] || rm -rf "$to"
mkdir -p "$to"
for path in "\${paths[@]}"; do case "$path" in */) cp -a "$path." "$to" ;; *) cp -a "$path" "$to" ;; esac || exit; done`;
}

/** Runs locally what is meant for the new machine. */
export function sshScript({ dump }: Places): string {
	return `[ "$1" = -n ] && [[ "$2" == root@* ]] || { echo 'only ssh -n root@… is simulated' >&2; exit 255; }
shift 2; command=$*; exec bash -c "\${command//${escaped(dump.old)}/${escaped(dump.new)}}" < /dev/null`;
}

/** A path as a shell pattern. */
function escaped(path: string): string {
	return path.replaceAll('/', '\\/');
}
