// A worker thread that checks and compiles the files of a bundle: a second of work that no answer should wait for.
import { parentPort, workerData } from 'node:worker_threads';
import { checkEdition } from '../knowledge/check-edition.ts';

/** The folder of the files, as a URL that ends in a slash. */
const { folder } = workerData as { folder: string };
checkEdition(new URL(folder)).then(checked => parentPort?.postMessage(checked));
