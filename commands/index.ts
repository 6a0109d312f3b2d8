// Everything people can say, in the order help prints it.
import type { Command } from '../src/command.ts';
import { deadlines } from './deadlines.ts';
import { help } from './help.ts';
import { leave } from './leave.ts';
import { notes } from './notes.ts';
import { rollback } from './rollback.ts';
import { status } from './status.ts';
import { upgrade } from './upgrade.ts';

export const commands: readonly Command[] = [upgrade, notes, rollback, deadlines, status, help, leave];
