// The database of Matrix Authentication Service (MAS) in a move: tables created by its own migrations, moved with the
// guide's commands. MAS itself is in no package registry, so it does not run here.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuidedStage, GuidedStep } from '../../../src/advice/guide/guide.ts';

type Hands = {
	root: string;
	/** A clone of its repository. */
	clone: string;
	/** The playbook's own program for its PostgreSQL. */
	cli: string;
	/** Runs one of the test's own commands. Returns its output; throws if it fails. */
	type: (script: string) => string;
	/** Pastes into the shell that the guide is pasted into. */
	paste: (block: string, mayFail: boolean) => Promise<string>;
};

/** The clone that GLIA_MAS names; undefined if there is none. */
export function masClone(): string | undefined {
	const clone = process.env.GLIA_MAS;
	return clone !== undefined && existsSync(join(clone, migrations)) ? clone : undefined;
}

const migrations = 'crates/storage-pg/migrations';

/** Creates its tables on the old server, with two users in them. */
function makeMas({ root, clone, type }: Hands): void {
	const folder = join(clone, migrations);
	// Its migrations are recorded in a table of the library that runs them.
	const table =
		'CREATE TABLE _sqlx_migrations (version bigint PRIMARY KEY, description text, installed_on timestamptz DEFAULT now(), success boolean, checksum bytea, execution_time bigint);';
	const texts = readdirSync(folder)
		.filter(name => name.endsWith('.sql'))
		.sort()
		.map(name => readFileSync(join(folder, name), 'utf8'));
	writeFileSync(join(root, 'mas.sql'), [table, ...texts].join(';\n'));
	const psql = 'docker compose exec -T db psql -Xq -v ON_ERROR_STOP=1';
	type(`${psql} -U synapse -d postgres -c 'ALTER ROLE mas LOGIN' < /dev/null
docker compose exec -T db psql -XAt -U synapse -d postgres -c "SELECT 1 FROM pg_database WHERE datname = 'mas'" < /dev/null | grep -q 1 && docker compose exec -T db dropdb -U synapse mas < /dev/null
${psql} -U synapse -d postgres -c 'CREATE DATABASE mas OWNER mas' < /dev/null
${psql} -U mas -d mas < ${root}/mas.sql > /dev/null
${psql} -U mas -d mas -c "INSERT INTO users (user_id, username, created_at) VALUES (gen_random_uuid(), 'ada', now()), (gen_random_uuid(), 'ben', now())" -c "INSERT INTO user_passwords (user_password_id, user_id, hashed_password, created_at, version) SELECT gen_random_uuid(), user_id, 'a hash', now(), 1 FROM users" < /dev/null`);
}

/** The steps of a stage that are about MAS. */
function masSteps(stage: GuidedStage): GuidedStep[] {
	return stage.steps.filter(({ commands = '' }) =>
		/mas\.sql\.gz|matrix_authentication_service|before_move_mas/.test(commands),
	);
}

/** Pastes these steps. Resolves to the three numbers that are compared; rejects if an expected text is not shown. */
async function followMas(stage: GuidedStage, { paste }: Hands): Promise<string> {
	let all = '';
	for (const { commands = '', shows } of masSteps(stage)) {
		const said = await paste(commands, false);
		for (const wanted of shows)
			if (!said.includes(wanted)) throw new Error(`${stage.id}: expected “${wanted}” in ${said}`);
		all += said;
	}
	return /^\d+\|\d+\|\d+$/m.exec(all)?.[0] ?? 'none';
}

function stageOf(stages: readonly GuidedStage[], id: string): GuidedStage {
	const stage = stages.find(other => other.id === id);
	if (!stage) throw new Error(`the guide has no stage ${id} here`);
	return stage;
}

/** Creates the database, dumps it, restores it under the playbook, and compares the counts. */
export async function masThere(stages: readonly GuidedStage[], hands: Hands): Promise<void> {
	makeMas(hands);
	const name = 'matrix_authentication_service';
	hands.type(`${hands.cli} -c 'CREATE ROLE ${name} LOGIN' -c 'CREATE DATABASE ${name} OWNER ${name}'`);
	const before = await followMas(stageOf(stages, 'dump'), hands);
	const after = await followMas(stageOf(stages, 'restore'), hands);
	if (before !== after || before === 'none') throw new Error(`MAS: ${before} before, ${after} after`);
	console.log(`  MAS users, passwords, links: ${after}`);
}

/** Moves the database back to the old server, where its tables must belong to its own role again. */
export async function masBack(after: readonly GuidedStage[], hands: Hands): Promise<void> {
	await followMas(stageOf(after, 'back-after-dump'), hands);
	const said = hands.type(
		`docker compose exec -T db psql -XAt -U synapse -d mas -c "SELECT 'users ' || count(*) FROM users" -c "SELECT DISTINCT 'owner ' || tableowner FROM pg_tables WHERE schemaname = 'public'" < /dev/null`,
	);
	const found = said.trim().replace(/\s+/g, ' ');
	if (found !== 'users 2 owner mas') throw new Error(`MAS back: ${found}`);
	console.log('  MAS is back, with its two users');
}
