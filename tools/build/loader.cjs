// The head of the single-file program: finds the pieces that follow it, and runs the main module. JavaScript from 2018,
// because a Node.js that is too old must be able to read it and say so.
'use strict';
__NODE_VERSION__;
const fs = require('node:fs');
const Module = require('node:module');
const path = require('node:path');
const { isMainThread } = require('node:worker_threads');
const zlib = require('node:zlib');

// Stores the compile cache next to the program, if that folder is writable.
Module.enableCompileCache(`${__filename}.cache`);
// Node.js writes the cache when it exits, which a killed process never does.
if (isMainThread) setTimeout(Module.flushCompileCache, 5000).unref();

/** Where each piece starts, in bytes before the end of the file, and its length: zstd-compressed, in base64. */
const table = __TABLE__;
const file = fs.openSync(__filename, 'r');
const size = fs.fstatSync(file).size;
const loaded = Object.create(null);

function bytes(name) {
	const [fromEnd, length] = table[name];
	const buffer = Buffer.allocUnsafe(length);
	for (let read = 0; read < length; ) read += fs.readSync(file, buffer, read, length - read, size - fromEnd + read);
	return zlib.zstdDecompressSync(Buffer.from(buffer.latin1Slice(), 'base64'));
}

const pieces = {
	names: Object.keys(table),
	bytes,
	text: name => (Object.hasOwn(table, name) ? bytes(name).toString('utf8') : undefined),
	program: __filename,
};

function load(name) {
	const known = loaded[name];
	if (known) return known.exports;
	const filename = path.join(`${__filename}.modules`, name);
	const module = new Module(filename, null);
	loaded[name] = module;
	module.filename = filename;
	module.require = id => {
		if (id === 'glia:pieces') return pieces;
		return id.startsWith('./') ? load(id.slice(2)) : require(id);
	};
	module._compile(bytes(name).toString('utf8'), filename);
	return module.exports;
}

load(isMainThread ? 'main.cjs' : 'thread.cjs');
