/** The two things that the page may ask for, and the lines that it is told. */
import { contextBridge, ipcRenderer } from 'electron'

contextBridge.exposeInMainWorld('updates', {
  look: (): Promise<void> => ipcRenderer.invoke('updates:look'),
  install: (): Promise<void> => ipcRenderer.invoke('updates:install'),
  onLine: (show: (line: string) => void): void => {
    ipcRenderer.on('updates', (_, line: string) => show(line))
  },
})
