/** For tests, benchmarks and programs that embed a log: everything else goes through `samebits-log`. */
export { type CreatedLog, type CreateLogOptions, createLog } from './create-log.ts'
export { rawMode } from './http/modes-http.ts'
export { openMode, productMode } from './http/product-mode-http.ts'
export { joinLog } from './join-log.ts'
export { type LogServerOptions, resolveOptions } from './options.ts'
export { type RunningServer, type ServerDeps, startServer } from './server.ts'
export { type HeadSigner, headSigner, type LogKey } from './signer.ts'
