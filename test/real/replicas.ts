// Several replicas on one PostgreSQL, with faults of every kind while people talk to them:
// `node test/real/replicas.ts [faults] [commands] [replicas] [people]`. In encrypted rooms: secret-kills.ts; alerts:
// replica-alerts.ts.
import { setTimeout as sleep } from 'node:timers/promises';
import { openReplicas, type Replicas } from './replica-faults.ts';
import { openSiege, printed } from './siege.ts';
import { startSynapse } from './synapse.ts';

const [faults = 40, commands = 400, count = 3, people = 8] = process.argv.slice(2).map(Number);

const synapse = await startSynapse();
let replicas: Replicas | undefined;
try {
	replicas = await openReplicas(synapse, count);
	const siege = await openSiege(synapse, replicas.bot, 5, people);
	for (let i = 1; i <= faults; i++) {
		const said = siege.say(Math.round((commands * i) / faults) - Math.round((commands * (i - 1)) / faults), 2000);
		await sleep(Math.random() * 1500);
		await replicas.fault(i);
		await said;
	}
	const result = await siege.result(180_000);
	console.log(printed(`${count} replicas, ${faults} faults`, result, replicas.summary()));
	process.exitCode = result.unanswered || result.twice || result.disordered ? 1 : 0;
} finally {
	await replicas?.remove();
	await synapse.stop();
}
