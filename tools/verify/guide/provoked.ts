// Every known error of a guide, caused once on purpose, so that its message can be compared with the guide's.
import { knownBy } from '../../../src/advice/guide/guide.ts';
import { allStages } from '../../../src/knowledge/guide-stages.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import type { Job, Played } from './played.ts';
import { packageErrors } from './provoked-packages.ts';
import { playbookErrors } from './provoked-playbook.ts';
import { portErrors } from './provoked-port.ts';
import { serverErrors, tooOld } from './provoked-server.ts';
import type { Provocation } from './provoking.ts';
import type { Result } from './trial.ts';

/** Causes each known error, compares the message, and adds the results. Throws with those whose message differs. */
export async function provokeAll(job: Job, played: Played, guide: Guide, results: Result[]): Promise<void> {
	const all = provocations(job, played, guide);
	const failures = allStages(guide).flatMap(stage => stage.failures);
	const wrong: string[] = [];
	for (const [id, provoke] of Object.entries(all)) {
		const failure = failures.find(other => other.id === id);
		if (!failure) throw new Error(`the guide has no failure ${id}`);
		let said = '';
		try {
			said = provoke();
		} catch (error) {
			said = String(error);
		}
		const isSaid = knownBy(failure.text, said);
		const saw = isSaid ? line(failure.text, said, job) : undefined;
		console.log(`  ${isSaid ? 'seen' : 'NOT SEEN'}: ${id}${saw ? `: ${saw}` : ''}`);
		if (saw) results.push({ of: id, saw });
		else wrong.push(`${id}: expected “${failure.text}”, got: ${said.trim().slice(-600)}`);
	}
	if (wrong.length) throw new Error(wrong.join('\n'));
}

function provocations(job: Job, played: Played, guide: Guide): Record<string, Provocation> {
	if (job.guide === 'sqlite-postgres') return portErrors(job, played);
	if (job.stated.layout === 'mdad') return playbookErrors(job, played);
	if (job.stated.layout === 'debian') return packageErrors(job, played, guide);
	return job.stated.layout === 'managed' ? tooOld(job, played) : serverErrors(job, played, guide);
}

/** The line with the message, without the folders of this machine. */
function line(text: string, said: string, { root }: Job): string {
	const found = said.split('\n').find(other => knownBy(text, other)) ?? text;
	const whole = found.replaceAll(root, '…').trim();
	// In Ansible's output, the message comes late in a long line.
	let from = 0;
	while (whole.length - from > longest && knownBy(text, whole.slice(from + 20))) from += 20;
	return whole.slice(from, from + longest);
}

/** How much is kept of what was said, in characters. */
const longest = 300;
