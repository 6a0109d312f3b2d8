import { expect, test } from 'vitest';
import { type DatedLeg, switchCommands, waitCommands } from '../../../src/advice/upgrade/switch-commands.ts';
import { openKnowledge } from '../../../src/knowledge/compiled.ts';
import { deployed } from '../../deployed.ts';

const { installs } = await openKnowledge(new URL('../../../knowledge/', import.meta.url));

function chosen(facts: string, leg: Partial<DatedLeg> = {}) {
	const whole = { from: '1.56.0', to: '1.163.2', released: '2026-10-23', today: '2026-11-21', ...leg };
	const commands = switchCommands(whole, deployed(facts), { installs, systems: [], dayOf: () => undefined });
	if (!commands) throw new Error(`no recipe for ${facts}`);
	return commands;
}

test('returns one installation method if stated, otherwise the usual ones', () => {
	expect(chosen('docker').ways.map(({ install }) => install)).toEqual(['docker']);
	expect(chosen('').ways.map(({ install }) => install)).toEqual(['docker', 'debian', 'pip', 'mdad']);
});

test('returns no commands without a recipe', () => {
	const leg = { from: '1.56.0', to: '1.163.2', released: '2026-10-23', today: '2026-11-21' };
	expect(
		switchCommands(leg, deployed('docker'), { installs: {}, systems: [], dayOf: () => undefined }),
	).toBeUndefined();
	expect(waitCommands(deployed('docker'), {})).toEqual([]);
});

test.each([
	['1.55.2', '2022-03-31', ['jinja2<3.1', 'markupsafe<2.1'], '2023-02-01'],
	['1.86.0', '2023-06-20', ['pydantic<2'], '2023-06-30'],
	['1.87.0', '2023-07-04', [], '2023-07-14'],
	['1.118.0', '2024-10-29', ['twisted<24.10'], '2024-11-08'],
])('pins an old release, %s of %s, to packages of its time', (to, released, pins, day) => {
	const lines = chosen('pip', { to, released }).ways[0]?.lines ?? [];
	expect(lines).toContain(`uv pip install --exclude-newer ${day} \\`);
	expect(lines.filter(line => line.includes('<'))).toEqual(pins.map(pin => `  "${pin}" \\`));
});

test('calls a release old after half a year', () => {
	const frozen = (today: string) => chosen('pip', { to: '1.100.0', released: '2024-01-30', today }).ways[0]?.frozen;
	expect(frozen('2024-07-27')).toBe(false);
	expect(frozen('2024-07-28')).toBe(true);
});

test('leaves workers to the installation, stops them by command, or asks', () => {
	expect(chosen('mdad workers').workers).toBe('led');
	expect(chosen('docker no-workers').workers).toBe('led');
	expect(chosen('docker').workers).toBe('perhaps');
	expect(chosen('docker workers').workers).toEqual({
		stop: ['docker compose stop worker1 worker2 synapse'],
		start: ['docker compose up -d worker1 worker2'],
	});
	expect(chosen('workers').workers).toEqual({ stop: [], start: [] });
});
