// Power levels in every room version, and who may invite.
import { describe, expect, test } from 'vitest';
import { levelToChange, mayInvite, powerOf, refusalToChange } from '../../src/bot/rights.ts';
import type { RoomState } from '../../src/ports/homeserver.ts';

const [alice, bob, carol] = ['@alice:example.org', '@bob:example.org', '@carol:other.example'];

function room(
	version: string | undefined,
	more: Record<string, unknown> = {},
	power?: Record<string, unknown>,
): RoomState {
	const content = { ...(version !== undefined && { room_version: version }), ...more };
	return { create: { sender: alice, content }, ...(power && { power }) };
}

describe('power', () => {
	const levels = { users: { [bob]: 50 }, users_default: 5, state_default: 60 };
	test.each([
		['1', { creator: alice }, levels, alice, 5],
		['6', { creator: alice }, levels, bob, 50],
		['11', {}, levels, alice, 5],
		['12', {}, levels, alice, Number.POSITIVE_INFINITY],
		['12', { additional_creators: [carol] }, levels, carol, Number.POSITIVE_INFINITY],
		['11', { additional_creators: [carol] }, levels, carol, 5],
		['12', {}, levels, bob, 50],
		['12', {}, undefined, bob, 0],
		['12', {}, undefined, alice, Number.POSITIVE_INFINITY],
		['10', { creator: carol }, undefined, carol, 100],
		['10', { creator: carol }, undefined, alice, 0],
		['11', {}, undefined, alice, 100],
		[undefined, { creator: bob }, undefined, bob, 100],
		['org.example.own', {}, levels, alice, 5],
		['13', {}, levels, alice, Number.POSITIVE_INFINITY],
	])('version %s, create %j, levels %j: %s has %d', (version, create, power, who, expected) => {
		expect(powerOf(who, room(version, create, power))).toBe(expected);
	});

	test('reads power levels that are strings, and ignores nonsense', () => {
		const power = { users: { [bob]: ' 75 ', [carol]: 'all' }, users_default: '3' };
		expect(powerOf(bob, room('9', {}, power))).toBe(75);
		expect(powerOf(carol, room('9', {}, power))).toBe(3);
		expect(powerOf('constructor', room('9', {}, power))).toBe(3);
		expect(powerOf(bob, { power: { users: null } })).toBe(0);
	});

	test('is 0 for everyone in a room without state, where 50 is required', () => {
		expect(powerOf(alice, {})).toBe(0);
		expect(refusalToChange(alice, 'state_default', {})).toContain('50');
	});
});

test("requires the room's level for state events, or the operator's", () => {
	expect(levelToChange('state_default', room('10', {}, {}))).toBe(50);
	expect(levelToChange('state_default', room('10', {}, { state_default: 0 }))).toBe(0);
	expect(levelToChange(75, room('10', {}, { state_default: 0 }))).toBe(75);
	expect(refusalToChange(bob, 0, room('10'))).toBeUndefined();
	expect(refusalToChange(bob, 1, room('10'))).toMatch(/need power level 1 .* yours is 0/);
});

test.each([
	[['*'], carol, true],
	[['example.org'], alice, true],
	[['EXAMPLE.org'], alice, true],
	[['example.org'], carol, false],
	[[alice], alice, true],
	[[alice], bob, false],
	[['ample.org'], alice, false],
	[['example.org:8448'], '@dave:example.org:8448', true],
	[['example.org'], '@dave:example.org:8448', false],
])('%j lets %s invite: %s', (allow, who, expected) => {
	expect(mayInvite(allow, who)).toBe(expected);
});
