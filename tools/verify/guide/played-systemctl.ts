// A stand-in for `systemctl`, which refuses what the real one does (compared with systemd 252): globs for unit files,
// units that do not exist, unknown verbs and options.

/** The command of each unit, which is started in the background. */
export type Units = Readonly<Record<string, string>>;

/** The program as a script. Units are named without `.service`; `root` is where their processes are recorded. */
export function systemctlScript(root: string, units: Units): string {
	const starts = Object.entries(units).map(
		([name, command]) =>
			`'${name}') setsid ${command} >> ${root}/${name}.log 2>&1 < /dev/null & echo $! > ${root}/${name}.pid ;;`,
	);
	return `names='${Object.keys(units).join(' ')}'
verb=; given=(); patterns=(); now=; state=; quiet=; blanks='  '
for word in "$@"; do
	case "$word" in
	--now) now=1 ;; --plain) blanks= ;; --type=service|--type=service,target|--no-legend|--no-pager|--full|-l) ;; -q|--quiet) quiet=1 ;; --state=*) state=\${word#*=} ;;
	-*) echo "systemctl: unrecognized option '$word'" >&2; exit 1 ;;
	*) if [ -z "$verb" ]; then verb=$word; else given+=("\${word%.service}"); patterns+=("$word"); fi ;;
	esac
done
active() { [ -e ${root}/$1.pid ] && grep -qs '^State:.[^ZX]' /proc/$(cat ${root}/$1.pid)/status; }
known() { [[ " $names " == *" $1 "* ]]; }
begin() {
	active "$1" && return
	case "$1" in
	${starts.join('\n\t')}
	esac
}
finish() {
	[ -e ${root}/$1.pid ] || return 0
	# A process in the background of a script ignores SIGINT, unless it handles it, as PostgreSQL does.
	signal=TERM; [[ $1 == *postgres* ]] && signal=INT
	p=$(cat ${root}/$1.pid); kill -$signal -- -$p 2>/dev/null || kill -$signal $p 2>/dev/null
	while grep -qs '^State:.[^ZX]' /proc/$p/status; do sleep 0.1; done; rm -f ${root}/$1.pid
}
# A pattern matches loaded units, which here are those that are running.
matching() { for name in $names; do active $name && [[ "$name" == $1 || "$name.service" == $1 ]] && echo $name; done; }
# Where units are listed, a pattern is compared with whole names: \`list-units a\` does not find a.service.
listed() { for name in $names; do active $name && [[ "$name.service" == $1 ]] && echo $name; done; }
case "$verb" in
start|stop|restart)
	[ \${#given[@]} = 0 ] && { echo 'Too few arguments.' >&2; exit 1; }
	for unit in "\${given[@]}"; do
		if [[ "$unit" == *[*?]* ]]; then found=$(matching "$unit"); else found=$unit; fi
		for name in $found; do
			known $name || { echo "Failed to $verb $name.service: Unit $name.service not found." >&2; exit 5; }
			[ $verb = start ] || finish $name
			[ $verb = stop ] || begin $name
		done
	done ;;
enable|disable|mask|unmask|is-enabled)
	for unit in "\${given[@]}"; do
		if [[ "$unit" == *[*?]* ]]; then
			echo "Glob pattern passed to $verb, but globs are not supported for this." >&2
			echo "Failed to $verb unit, unit \${unit//\\*/\\\\x2a}.service does not exist." >&2; exit 1
		fi
		known $unit || { echo "Failed to $verb unit: Unit file $unit.service does not exist." >&2; exit 1; }
		case $verb in
		enable) touch ${root}/$unit.enabled; [ -z "$now" ] || begin $unit ;;
		disable) rm -f ${root}/$unit.enabled; [ -z "$now" ] || finish $unit ;;
		is-enabled) [ -e ${root}/$unit.enabled ] && echo enabled || { echo disabled; exit 1; } ;;
		*) echo "systemctl $verb is not simulated" >&2; exit 1 ;;
		esac
	done ;;
is-active)
	status=3
	for unit in "\${given[@]}"; do if active $unit; then status=0; word=active; else word=inactive; fi; [ -n "$quiet" ] || echo $word; done
	exit $status ;;
list-units)
	case "$state" in ''|*active*|*running*) for pattern in "\${patterns[@]:-*}"; do for name in $(listed "$pattern"); do echo "$blanks$name.service loaded active running $name"; done; done ;; esac ;;
list-unit-files)
	for pattern in "\${patterns[@]:-*}"; do for name in $names; do
		if [[ "$name.service" == $pattern ]]; then [ -e ${root}/$name.enabled ] && echo "$name.service enabled enabled" || echo "$name.service disabled enabled"; fi
	done; done ;;
daemon-reload) ;;
show)
	# What Ansible looks at: whether the unit is known, and what it does.
	unit=\${given[0]}
	known $unit && [ -e /etc/systemd/system/$unit.service -o ! -d ${root}/units ] && load=loaded || load=not-found
	active $unit && state=active || state=inactive
	[ -e ${root}/$unit.enabled ] && file=enabled || file=disabled
	printf 'Id=%s.service\\nLoadState=%s\\nActiveState=%s\\nUnitFileState=%s\\nFragmentPath=/etc/systemd/system/%s.service\\n' $unit $load $state $file $unit ;;
is-failed) echo inactive; exit 1 ;;
*) echo "Unknown command verb $verb." >&2; exit 1 ;;
esac`;
}
