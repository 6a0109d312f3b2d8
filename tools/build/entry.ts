// The entry point of the single-file program.
import { run } from '../../src/app/cli.ts';

run().then(status => {
	process.exitCode = status;
});
