// Several replicas on one PostgreSQL, with faults of every kind while alerts fall due in their rooms, a third of which
// are encrypted: `node test/real/replica-alerts.ts [faults] [alerts] [replicas] [rooms]`. Each alert must be in its
// room exactly once.
import { setTimeout as sleep } from 'node:timers/promises';
import { openAlertRooms, playedWorld } from './alert-rooms.ts';
import { openReplicas, type Replicas } from './replica-faults.ts';
import { startSynapse } from './synapse.ts';

const [faults = 40, alerts = 1000, count = 3, rooms = 20] = process.argv.slice(2).map(Number);
const waves = Math.round(alerts / rooms);

const synapse = await startSynapse();
const world = playedWorld();
world.play({ servers: {}, advisories: [] });
let replicas: Replicas | undefined;
try {
	replicas = await openReplicas(synapse, count, { script: world.script });
	const { bot, rows, restart } = replicas;
	const siege = await openAlertRooms(synapse, { bot, rows, restart, start: async () => undefined }, world, rooms, 3);
	let begun = 0;
	for (let i = 1; i <= faults; i++) {
		for (const until = Math.round((waves * i) / faults); begun < until; begun++) siege.wave();
		await sleep(Math.random() * 3000);
		await replicas.fault(i);
	}
	const { once, twice, missing } = await siege.result(240_000);
	console.log(
		`${count} replicas, ${faults} faults: ${replicas.summary().join('; ')}; ${rooms} rooms (${siege.encrypted} encrypted), ${siege.due()} alerts: ${once} once, ${twice} twice, ${missing} missing`,
	);
	process.exitCode = missing || twice ? 1 : 0;
} finally {
	await replicas?.remove();
	await synapse.stop();
	world.remove();
}
