// Where the program of one file begins.
import { run } from '../../src/app/cli.ts';

run().then(status => {
	process.exitCode = status;
});
