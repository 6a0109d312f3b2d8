// The entry. Keeps what the modules compile to, so that a start need not strip types and compile again.
import { enableCompileCache, flushCompileCache } from 'node:module';
import { join } from 'node:path';

// Where nothing can be written, nothing is kept, and the start takes twice as long.
enableCompileCache(join(import.meta.dirname, '../node_modules/.cache/glia'));
// Node writes it at the end; whoever is killed never gets there.
setTimeout(flushCompileCache, 5000).unref();
const { run } = await import('./main/line.ts');
process.exitCode = await run();
