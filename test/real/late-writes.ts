// A disk that lies, for a control run: each commit of the keys reaches it 100 ms after it was reported.
// Loaded into the bot by `NODE_OPTIONS=--import=…/late-writes.ts`.
import { DatabaseSync } from 'node:sqlite';

const { exec } = DatabaseSync.prototype;
const open = new WeakSet<DatabaseSync>();

DatabaseSync.prototype.exec = function (sql) {
	// Only the keys' transactions begin and end with exactly these statements; the store's do not.
	if (sql === 'BEGIN IMMEDIATE') {
		if (open.has(this)) return;
		open.add(this);
	} else if (sql === 'COMMIT' && open.has(this)) {
		setTimeout(() => {
			if (open.delete(this)) exec.call(this, 'COMMIT');
		}, 100);
		return;
	}
	exec.call(this, sql);
};
