// Who may do what: the operator's list says who may invite, the room's power levels who may change things. Pure.
import type { Content, RoomState } from '../ports/homeserver.ts';

/** Whether the operator's list includes this person, their server, or everyone. */
export function mayInvite(allow: readonly string[], person: string): boolean {
	const server = person.slice(person.indexOf(':') + 1);
	return allow.some(entry => entry === '*' || entry === person || entry.toLowerCase() === server.toLowerCase());
}

/** A person's power level. Infinity for creators of rooms of version 12 or later. */
export function powerOf(person: string, { create, power }: RoomState): number {
	const creators = create ? creatorsOf(create) : [];
	if (create && creatorsRule(create.content) && creators.includes(person)) return Number.POSITIVE_INFINITY;
	if (!power) return creators.includes(person) ? 100 : 0;
	const users = isRecord(power.users) ? power.users : {};
	const own = Object.hasOwn(users, person) ? level(users[person]) : undefined;
	return own ?? level(power.users_default) ?? 0;
}

/** The power level needed to change things: the operator's number, or what the room requires for `state_default`. */
export function levelToChange(changes: number | 'state_default', { power }: RoomState): number {
	if (changes !== 'state_default') return changes;
	return level(power?.state_default) ?? 50;
}

/** A sentence saying why this person may not change things here; undefined if they may. */
export function refusalToChange(
	person: string,
	changes: number | 'state_default',
	state: RoomState,
): string | undefined {
	const [has, needs] = [powerOf(person, state), levelToChange(changes, state)];
	if (has >= needs) return undefined;
	return `To change this, you need power level ${needs} in this room, but yours is ${has}. Ask someone who has it.`;
}

/** Room versions up to 10 name the creator in the content. Custom versions are treated like version 11. */
function creatorsOf({ sender, content }: { sender: string; content: Content }): string[] {
	const version = versionOf(content);
	if (version !== undefined && version <= 10) return [typeof content.creator === 'string' ? content.creator : sender];
	const more = Array.isArray(content.additional_creators) ? content.additional_creators : [];
	return creatorsRule(content) ? [sender, ...more.filter(one => typeof one === 'string')] : [sender];
}

/** From room version 12 on creators have no power level: they are above all levels. */
function creatorsRule(content: Content): boolean {
	const version = versionOf(content);
	return version !== undefined && version >= 12;
}

function versionOf(content: Content): number | undefined {
	const { room_version: version = '1' } = content;
	return typeof version === 'string' && /^\d+$/.test(version) ? Number(version) : undefined;
}

/** Room versions up to 9 allow power levels as strings. */
function level(value: unknown): number | undefined {
	if (typeof value === 'number' && Number.isFinite(value)) return value;
	return typeof value === 'string' && /^\s*-?\d+\s*$/.test(value) ? Number(value) : undefined;
}

function isRecord(value: unknown): value is Content {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Why this person may not verify our device: in a room they need the right to change things, otherwise the right
 * to invite.
 */
export function refusalToVerify(
	person: string,
	state: RoomState | undefined,
	{ allow, changes }: { allow: readonly string[]; changes: number | 'state_default' },
): string | undefined {
	if (state === undefined)
		return mayInvite(allow, person) ? undefined : 'The operator of this bot does not let you verify it.';
	const no = refusalToChange(person, changes, state);
	return (
		no &&
		`To verify me, you need the same power level as for changing things here. ${no} Anyone can compare what !verify shows.`
	);
}
