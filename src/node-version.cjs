// If Node.js is too old, says in one sentence which version is needed, and ends the process. Written in the
// JavaScript of 2018, so that an old Node.js can run it.
'use strict';
const wanted = require('../package.json').engines.node.replace('>=', '');
const [major, minor] = process.versions.node.split('.').map(Number);
const [wantedMajor, wantedMinor] = wanted.split('.').map(Number);

if (major < wantedMajor || (major === wantedMajor && minor < wantedMinor)) {
	const sentence =
		`Glia needs Node.js ${wanted} or newer, and this is ${process.versions.node}: install it from https://nodejs.org/, ` +
		'or run `npm ci` without --omit=optional and --ignore-scripts, which brings one for `npm start` and the other npm scripts.';
	if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ format: 1, refused: sentence })}\n`);
	else process.stderr.write(`${sentence}\n`);
	process.exit(1);
}
