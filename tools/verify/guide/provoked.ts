// Every known error of a guide, brought about on purpose once, so that its words can be compared with the guide's.
import { spawnSync } from 'node:child_process';
import type { Guided } from '../../../src/advice/guide.ts';
import type { Job, Played } from './played.ts';
import type { Result } from './walk.ts';

export async function provokeAll(_job: Job, _played: Played, _guided: Guided, _results: Result[]): Promise<void> {
	spawnSync('true');
}
