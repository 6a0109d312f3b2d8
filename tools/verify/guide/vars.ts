// The vars.yml that the guide of the move writes for a deployment.
import { type Guided, guideFor } from '../../../src/advice/guide/guide.ts';
import { parseTerm, profileOf } from '../../../src/deployment/facts.ts';
import type { Guide } from '../../../src/knowledge/schema/synapse.ts';
import { filesOf } from '../../../src/messages/guide.ts';
import type { Deployment } from './deployments.ts';

/** The guide for one deployment, filled in with the deployment's names. */
export function guidedFor(guide: Guide, { name, stated, facts }: Deployment, synapse: string): Guided {
	const profile = profileOf(facts.flatMap(fact => parseTerm(fact) ?? []));
	if (!(profile instanceof Map)) throw new Error(`${name} contradicts itself`);
	const all = new Map(Object.entries({ domain: `${name}.example.org`, synapse, ...stated }));
	const guided = guideFor(guide, { stated: all, profile }, []);
	if (guided.refused.length) throw new Error(`${name}: ${guided.refused.join(' ')}`);
	return guided;
}

/** The text of the guide's vars.yml. Throws if there is none. */
export function varsOf(guided: Guided): string {
	const file = filesOf(guided).find(({ name }) => name === 'vars.yml');
	if (!file) throw new Error('the guide has no vars.yml');
	return file.text;
}
