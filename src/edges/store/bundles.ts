// Knowledge bundles in the store's folder. Each is kept as received, to verify its signature at every start, and
// unpacked, so that a start need not check and compile it again.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
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
			const stamp = bundle.made.replace(/[-:]/g, '');
			const own = `${stamp}-${hashOf(signed.text).slice(0, 12)}`;
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
					// The same bundle, checked by another version of Glia. It is not deleted first: another process may be
					// reading it, and if this one is killed, it still counts, since its new name is complete, too.
					const former = join(folder, `${stamp}-${randomBytes(6).toString('hex')}`);
					const isReplaced = moved(place, former, ['ENOENT']);
					// Another process may just have put the same bundle there.
					moved(partial, place, ['ENOTEMPTY', 'EEXIST']);
					if (isReplaced) rmSync(former, { recursive: true, force: true });
					return urlOf(place);
				},
				drop,
			};
		},
		tidy(inUse) {
			const used = new Set(inUse.map(({ href }) => href));
			const all = entriesOf(folder).sort();
			const placed = new Map(all.map(name => [name, placedAt(join(folder, name))]));
			for (const [i, name] of all.entries()) {
				const place = join(folder, name);
				// Another process may still be using the last bundle before the one that has just been placed, however old.
				const next = complete.test(name) ? all.slice(i + 1).find(later => complete.test(later)) : undefined;
				if (used.has(urlOf(place).href) || (placed.get(next ?? name) ?? 0) > Date.now() - sharedFor) continue;
				try {
					rmSync(place, { recursive: true, force: true });
				} catch {
					// It belongs to another user, and only takes up space.
				}
			}
		},
	};
}

/** Renames a folder. Returns false for these errors. */
function moved(from: string, to: string, expected: readonly string[]): boolean {
	try {
		renameSync(from, to);
		return true;
	} catch (error) {
		if (expected.includes(String(Object(error).code))) return false;
		throw error;
	}
}

/** Milliseconds since 1970. */
function placedAt(place: string): number {
	return statSync(place, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** Whether the unpacked files still have the sizes of those in the bundle: a power cut may leave some of them empty. */
export function isWhole({ files }: Pick<Bundle, 'files'>, at: URL): boolean {
	for (const [name, text] of files)
		if (statSync(new URL(name, at), { throwIfNoEntry: false })?.size !== Buffer.byteLength(text)) return false;
	return true;
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
