/** `@samebits/updater/electron`: electron-updater behind the gate. */
export type { CheckResult } from '../results.ts'
export {
  type ElectronGate,
  type ElectronGateOptions,
  gateElectronUpdater,
  type InstallOptions,
  type InstallResult,
} from './gate.ts'
export { RefusedUpdate } from './refused-update.ts'
