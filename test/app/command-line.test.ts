// Which task a command line sets, and what is wrong with an invalid one.
import { expect, test } from 'vitest';
import { readCommandLine } from '../../src/app/command-line.ts';

const say = { is: 'say', json: false, files: [] };
const log = { ...say, maxBytes: 10_000_000 };

test.each([
	[[], { is: 'converse' }],
	[['--config', 'a.yaml'], { is: 'matrix', config: 'a.yaml' }],
	[['--config=a.yaml'], { is: 'matrix', config: 'a.yaml' }],
	[['--config=a=b.yaml'], { is: 'matrix', config: 'a=b.yaml' }],
	[['--config', 'a.yaml', '--config', 'b.yaml'], { is: 'matrix', config: 'b.yaml' }],
	[['seeds', '--config', 'a.yaml'], { is: 'seeds', config: 'a.yaml' }],
	[['backup', 'b', '--config', 'a.yaml'], { is: 'backup', to: 'b', config: 'a.yaml' }],
	[['move-store', '--from', 'a', '--to', 'b'], { is: 'move-store', from: 'a', to: 'b' }],
	[['move-store', '--to', 'b', '--config', 'a.yaml'], { is: 'move-store', to: 'b', config: 'a.yaml' }],
	[['check-config', '--config', 'a.yaml'], { is: 'check-config', config: 'a.yaml' }],
	[['say', '!upgrade 1.56 1.69'], { ...say, said: '!upgrade 1.56 1.69' }],
	[['say', 'upgrade', '1.56', '1.69'], { ...say, said: 'upgrade 1.56 1.69' }],
	[['say', '-'], { ...say, said: '-' }],
	[['say', '--json', '!help'], { ...say, said: '!help', json: true }],
	[['say', '--all', '!deadlines'], { ...say, said: '!deadlines', all: true }],
	[['say', '!help', '--json'], { ...say, said: '!help', json: true }],
	[['say', '--file', 'a', '--file=b', '!check'], { ...say, said: '!check', files: ['a', 'b'] }],
	[['say', '--file', '-a', '!check'], { ...say, said: '!check', files: ['-a'] }],
	[['say', '--config', 'a.yaml', '!help'], { ...say, said: '!help', config: 'a.yaml' }],
	[['say', 'check'], { ...say, said: 'check' }],
	[['say', '--', '--help'], { ...say, said: '--help' }],
	[['check', 'a.yaml'], { ...say, said: '!check ', files: ['a.yaml'] }],
	[['check', '-'], { ...say, said: '!check ', files: ['-'] }],
	[
		['check', 'a.yaml', 'b', '--from', '1.98', '--to=1.163'],
		{ ...say, said: '!check from 1.98 1.163', files: ['a.yaml', 'b'] },
	],
	[
		['check', 'docker', 'a.yaml', 'no-workers', '--json'],
		{ ...say, said: '!check docker no-workers', json: true, files: ['a.yaml'] },
	],
	[['check', '--file', 'docker', '--to', '1.163'], { ...say, said: '!check 1.163', files: ['docker'] }],
	[['why'], { ...log, said: '!why ', files: ['-'] }],
	[['why', 'a.log', '--json'], { ...log, said: '!why ', json: true, files: ['a.log'] }],
	[['why', '-', '1.157', 'docker'], { ...log, said: '!why 1.157 docker', files: ['-'] }],
	[['--version'], { is: 'version' }],
	[['say', '--version'], { is: 'version' }],
	[['--help'], { is: 'usage' }],
	[['-h'], { is: 'usage' }],
	[['check', '-h'], { is: 'usage' }],
])('reads %j', (words, task) => {
	expect(readCommandLine(words)).toEqual(task);
});

test.each([
	[['--config'], '--config needs a path: --config config.yaml'],
	[['--config='], '--config needs a path: --config config.yaml'],
	[['say', '!help', '--file'], '--file needs a path: --file homeserver.yaml'],
	[['check', 'a.yaml', '--from'], '--from needs a release: --from 1.98'],
	[['check', 'a.yaml', '--to', '--json'], '--to needs a release: --to 1.163'],
	[['say', '--config', '--json', '!help'], '--config needs a path: --config config.yaml'],
	[['say'], 'Say what?'],
	[['say', ' '], 'Say what?'],
	[['say', '--json'], 'Say what?'],
	[['seeds'], 'Whose seeds?'],
	[['backup', '--config', 'a.yaml'], 'Back up to where?'],
	[['move-store', '--from', 'a'], 'Move which store where?'],
	[['move-store', '--config', 'a.yaml'], 'Move which store where?'],
	[['move-store', '--to', 'b', '--from'], '--from needs a folder or an address'],
	[['backup', 'b'], 'Back up to where?'],
	[['backup', 'b', 'c', '--config', 'a.yaml'], 'Back up to where?'],
	[['check-config'], 'Check which configuration?'],
	[['check-config', 'a.yaml'], 'I do not recognise the option a.yaml.'],
	[['check'], 'Check which file?'],
	[['check', 'docker'], 'Check which file?'],
	[['say', '--json=yes', '!help'], '--json takes no value'],
	[['upgrade'], 'I do not recognise the command upgrade.'],
	[['constructor'], 'I do not recognise the command constructor.'],
	[['seeds', 'all', '--config', 'a.yaml'], 'I do not recognise the option all.'],
	[['--json'], 'I do not recognise the option --json.'],
	[['--file', 'a'], 'I do not recognise the option --file.'],
	[['say', '-x', '!help'], 'I do not recognise the option -x.'],
	[['say', '--no-json', '!help'], 'I do not recognise the option --no-json.'],
	[['say', '--from', '1.98', '!check'], 'I do not recognise the option --from.'],
	[['say', '--constructor', '!help'], 'I do not recognise the option --constructor.'],
	[['check', '--config', 'a.yaml'], 'I do not recognise the option --config.'],
])('refuses %j', (words, refusal) => {
	expect(() => readCommandLine(words)).toThrow(refusal);
});

test('lists the known options if one is unknown', () => {
	expect(() => readCommandLine(['--verbose'])).toThrow('npm start -- --config config.yaml');
});
