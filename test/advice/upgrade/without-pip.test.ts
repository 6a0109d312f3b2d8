import { expect, test } from 'vitest';
import { pipInstall, withoutPip } from '../../../src/advice/upgrade/without-pip.ts';

test('names what a block would have installed', () =>
	expect(withoutPip("Take it:\n\n```sh\npip install -U 'a>=2' \\\n  b\n```\n\nMore.\n")).toBe(
		'Take it: `a>=2` and `b`.\n\nMore.\n',
	));

test('does not name pip, Synapse itself or a folder', () => {
	expect(withoutPip('Do:\n\n```sh\npip install -U pip\npip install matrix-synapse\npip install .\n```\n')).toBe(
		'Do.\n\n',
	);
	expect(withoutPip('Run `pip install .` there.')).toBe('Run `pip install .` there.');
});

test('distinguishes a pip command from a mention of pip', () => {
	expect(['`pip install a`', '  ~/env/bin/pip3 install a'].every(text => pipInstall.test(text))).toBe(true);
	expect(['pip installs a', 'a `pip install` gets it'].some(text => pipInstall.test(text))).toBe(false);
});
