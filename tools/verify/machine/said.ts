// Extracts from a full log why a release refused to start.

/** The prefix of output that old releases copy to their log, line by line. */
const logged = /^\d{4}-\d\d-\d\d \S+ - twisted - \d+ - ERROR - ?\S* - ?/gm;
/** Log lines, and what Python and Synapse print around the message. */
const noise =
	/^\d{4}-\d\d-\d\d[ T]|^Traceback \(most|^During handling of|^The above exception|^There may be more information|^Error during init|^\*+$/;

/** Old releases exit with their own exception while handling the one that matters. */
const leaving =
	/\n+During handling of the above exception, another exception occurred:\n(?:(?!\nDuring handling)[\s\S])*\nSystemExit: \d+[\s\S]*$/;

/**
 * The message of a failed start, on one line: what is between Synapse's rows of stars, or from its words
 * "Error in configuration" on, or after the last traceback. `places` are folders of this machine, which are left out.
 */
export function lastWords(output: string, places: readonly string[]): string {
	const text = places
		.reduce((rest, place) => rest.replaceAll(place, '…'), output.replace(logged, ''))
		.replace(leaving, '')
		.trimEnd();
	const framed = [...text.matchAll(/^\*{20,}\n([\s\S]*?)\n\*{20,}$/gm)].at(-1)?.[1];
	const configuration = text.slice(Math.max(0, text.lastIndexOf('\nError in configuration')));
	const from = framed ?? configuration;
	const lines = (from.includes('Traceback (most') ? behindFrames(from.split('\n')) : from.split('\n'))
		.map(line => line.trim())
		.filter(line => line !== '' && !noise.test(line));
	return lines.slice(-6).join(' ').replace(/\s+/g, ' ').slice(0, 500);
}

/** The exception: what follows the last frame of a traceback and is less indented. */
function behindFrames(lines: readonly string[]): readonly string[] {
	const frame = lines.findLastIndex(line => /^\s*File "/.test(line));
	const left = indentOf(lines[frame] ?? '');
	const exception = lines.findIndex((line, i) => i > frame && line.trim() !== '' && indentOf(line) < left);
	return exception < 0 ? lines.slice(frame + 1) : lines.slice(exception);
}

function indentOf(line: string): number {
	return line.length - line.trimStart().length;
}
