// npm run bench [-- names…]: measures ratios within one run. Without names, it runs everything.
import { readArguments, refuse } from '../tools/arguments.ts';
import { fuzz } from './fuzz.ts';
import { benchKeys } from './keys.ts';
import { benchPlan } from './plan.ts';
import { benchPoll } from './poll.ts';
import { benchPostgres } from './postgres.ts';
import { benchRoom, benchStart } from './room.ts';
import { benchEndurance, benchSecretRoom, benchSessions } from './secret-room.ts';
import { benchWatch } from './watch.ts';

const benches: Record<string, () => Promise<void>> = {
	plan: benchPlan,
	fuzz: async () => {
		const { messages, calls, slowest } = await fuzz(1_000_000, 20261121);
		console.log(
			`fuzz: ${messages} messages, ${calls} commands in them, each answered; slowest ${slowest.ms.toFixed(1)} ms`,
		);
	},
	room: () => benchRoom(500),
	start: () => benchStart(10),
	poll: () => benchPoll(),
	watch: benchWatch,
	encrypted: () => benchSecretRoom(300),
	sessions: () => benchSessions(20_000),
	keys: () => benchKeys(200_000),
	postgres: benchPostgres,
	endurance: () => benchEndurance(10_000),
};

const usage = `
  npm run bench -- [NAME…]   measure everything, or these: ${Object.keys(benches).join(', ')}

For example: npm run bench -- plan`;
const names = readArguments(usage, {}).positionals;
const unknown = names.find(name => !Object.hasOwn(benches, name));
if (unknown !== undefined) refuse(`There is no bench ${unknown}.`, usage);
// The start is part of the room benchmark.
const whole = Object.keys(benches).filter(name => name !== 'start');
for (const name of names.length ? names : whole) await benches[name]?.();
