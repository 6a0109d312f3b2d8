// All commands, in the order in which !help lists them.
import type { Command } from '../src/command.ts';
import { ack } from './ack.ts';
import { alerts } from './alerts.ts';
import { backup } from './backup.ts';
import { check } from './check.ts';
import { deadlines } from './deadlines.ts';
import { help } from './help.ts';
import { leave } from './leave.ts';
import { migrate } from './migrate.ts';
import { notes } from './notes.ts';
import { operator } from './operator.ts';
import { option } from './option.ts';
import { options } from './options.ts';
import { postgres } from './postgres.ts';
import { profile } from './profile.ts';
import { rollback } from './rollback.ts';
import { room } from './room.ts';
import { servers } from './servers.ts';
import { snooze } from './snooze.ts';
import { status } from './status.ts';
import { unwatch } from './unwatch.ts';
import { upgrade } from './upgrade.ts';
import { verify } from './verify.ts';
import { watch } from './watch.ts';
import { why } from './why.ts';

export const commands: readonly Command[] = [
	upgrade,
	notes,
	rollback,
	check,
	option,
	options,
	why,
	deadlines,
	postgres,
	backup,
	migrate,
	watch,
	unwatch,
	servers,
	profile,
	alerts,
	ack,
	snooze,
	room,
	status,
	verify,
	help,
	leave,
	operator,
];
