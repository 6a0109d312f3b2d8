// Knowledge bundles in the store's folder. Each is kept as received, to verify its signature at every start, and
// unpacked, so that a start need not check and compile it again.
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Bundle } from '../../knowledge/bundle.ts';

/** A bundle as received. */
export type SignedText = { text: string; signature: string };

export type KeptBundle = SignedText & {
	/** The version of Glia that checked it and found no mistakes. */
	checkedBy: string;
	/** A URL that ends in a slash. */
	files: URL;
};

export type KeptBundles = {
	/** The readable ones, newest first. */
	all: () => Iterable<KeptBundle>;
	/** Unpacks the files into a folder that is not listed until `keep` is called. Leaves nothing behind if it throws. */
	unpack: (bundle: Bundle, signed: SignedText) => { files: URL; keep: (checkedBy: string) => URL; drop: () => void };
	/** Deletes all bundles except those in use here, and those that another process on this folder may still read. */
	tidy: (inUse: readonly URL[]) => void;
};

/** Processes that share a folder (replicas on one machine or volume) may read a bundle for at most this long (ms). */
const sharedFor = 7 * 24 * 3600_000;

/** A bundle's folder: when it was made and the start of its hash. Folders left by a crash have other names. */
const complete = /^\d{8}T\d{6}Z-[0-9a-f]{12}$/;

/** `path` is the store's folder. Nothing is created in it until there is a bundle. */
export function openBundles(path: string): KeptBundles {
	const folder = join(path, 'knowledge');
	const names = () => entriesOf(folder).filter(name => complete.test(name));
	return {
		*all() {
			for (const name of names().sort().reverse()) {
				const kept = readKept(join(folder, name));
				if (kept) yield kept;
			}
		},
		unpack(bundle, signed) {
			const own = `${bundle.made.replace(/[-:]/g, '')}-${hashOf(signed.text).slice(0, 12)}`;
			// Not the process id: containers that share a volume often all have the same.
			const partial = join(folder, `${own}.${randomUUID()}`);
			const drop = () => rmSync(partial, { recursive: true, force: true });
			try {
				for (const [name, text] of bundle.files) {
					const file = join(partial, 'files', name);
					mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
					writeFileSync(file, text);
				}
				writeFileSync(join(partial, 'bundle.json'), signed.text);
				writeFileSync(join(partial, 'bundle.json.sig'), signed.signature);
			} catch (error) {
				// Each retry would leave as much as still fits, until a full disk has no space for anything else.
				drop();
				throw error;
			}
			return {
				files: urlOf(partial),
				keep(checkedBy) {
					writeFileSync(join(partial, 'checked.json'), JSON.stringify({ by: checkedBy }));
					const place = join(folder, own);
					rmSync(place, { recursive: true, force: true });
					try {
						renameSync(partial, place);
					} catch (error) {
						// Another process has just put the same bundle there.
						if (!['ENOTEMPTY', 'EEXIST'].includes(String(Object(error).code))) throw error;
					}
					return urlOf(place);
				},
				drop,
			};
		},
		tidy(inUse) {
			const used = new Set(inUse.map(({ href }) => href));
			for (const name of entriesOf(folder)) {
				const place = join(folder, name);
				const placed = statSync(place, { throwIfNoEntry: false })?.mtimeMs ?? 0;
				if (used.has(urlOf(place).href) || placed > Date.now() - sharedFor) continue;
				try {
					rmSync(place, { recursive: true, force: true });
				} catch {
					// It belongs to another user, and only takes up space.
				}
			}
		},
	};
}

function urlOf(place: string): URL {
	return pathToFileURL(`${join(place, 'files')}/`);
}

function hashOf(text: string): string {
	return createHash('sha256').update(text).digest('hex');
}

function entriesOf(folder: string): string[] {
	try {
		return readdirSync(folder);
	} catch {
		return [];
	}
}

function readKept(place: string): KeptBundle | undefined {
	try {
		const { by } = JSON.parse(readFileSync(join(place, 'checked.json'), 'utf8')) as { by: string };
		return {
			text: readFileSync(join(place, 'bundle.json'), 'utf8'),
			signature: readFileSync(join(place, 'bundle.json.sig'), 'utf8'),
			checkedBy: by,
			files: urlOf(place),
		};
	} catch {
		return undefined;
	}
}
