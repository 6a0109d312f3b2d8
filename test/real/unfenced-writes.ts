// Replicas without their fence, for a control run: a former leader continues to lead and to write.
// Loaded into the bot by `NODE_OPTIONS=--import=…/unfenced-writes.ts`.
import pg from 'pg';

type Query = (text: unknown, ...more: unknown[]) => unknown;

const prototype = pg.Client.prototype as unknown as { query: Query };
const { query } = prototype;
let replaced = 0;

prototype.query = function (text, ...more) {
	return query.call(this, typeof text === 'string' ? unfenced(text) : text, ...more);
};

/** The statement without the check. Each replacement must match, or the control run would test nothing. */
function unfenced(text: string): string {
	if (text.startsWith('BEGIN; SELECT 1 FROM turn FOR UPDATE')) {
		replaced++;
		return 'BEGIN; SELECT true AS valid';
	}
	// A process that was stopped has not reached the homeserver for a while, and would leave the lead to another.
	if (text.includes(') AS better FROM lease')) return text.replace(') AS better', ') AND false AS better');
	const renewal = 'WHERE holder = $1 AND fence = $2 AND until > clock_timestamp() RETURNING fence';
	if (!text.includes(renewal)) return text;
	replaced++;
	// Parameters that are not compared with anything need a type.
	return text.replace(renewal, 'WHERE $1::text IS NOT NULL AND $2::bigint IS NOT NULL RETURNING fence');
}

/** A process that was stopped would notice from its own clock that it is late. */
const { setInterval: every } = globalThis;
globalThis.setInterval = ((call: () => void, ms?: number, ...more: unknown[]) =>
	every(ms === 250 ? () => undefined : call, ms, ...(more as []))) as typeof setInterval;

process.on('exit', () => {
	if (replaced === 0) process.stderr.write('nothing was replaced: the control run tests nothing\n');
});
