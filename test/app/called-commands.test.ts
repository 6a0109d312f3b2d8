// A script only loads the command that it calls, and it is the same one that a room gets.
import { expect, test } from 'vitest';
import { commands } from '../../commands/index.ts';
import { commandsFor } from '../../src/app/called-commands.ts';

const namesFor = async (said?: string) => (await commandsFor(said)).map(({ name }) => name);
const all = commands.map(({ name }) => name);

test.each(['upgrade', 'notes', 'rollback', 'check', 'option', 'options', 'why', 'deadlines'])(
	'loads only %s',
	async name => {
		expect(await commandsFor(`!${name} 1.56 1.69`)).toEqual([commands.find(command => command.name === name)]);
		expect(await namesFor(`!${name}`)).toEqual([name]);
	},
);

test.each([
	undefined,
	'',
	'-',
	'!help',
	'!help upgrade',
	'upgrade 1.56',
	'!Upgrade 1.56',
	'! upgrade 1.56',
	'!glia upgrade 1.56',
	'!upgrade 1.56\n!status',
	'!upgrade 1.56\r!status',
	'!upgradex 1.56',
	'!upgrade help',
	'!notes --help',
	'!option  ? ',
	'!constructor',
	'!toString',
])('loads all commands for %j', async said => {
	expect(await namesFor(said)).toEqual(all);
});
