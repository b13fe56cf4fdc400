/** Alerts as plain mail over SMTP. */
import { createTransport } from 'nodemailer'
import { type Sink, subjectOf, textOf } from './sink.ts'

export interface EmailOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly secure: boolean
  readonly auth: { readonly user: string; readonly pass: string } | null
  readonly from: string
  readonly to: readonly string[]
}

const timeoutMs = 20_000

/** Without `secure`, STARTTLS is demanded but where the server is on this machine. */
export function emailSink({ name, host, port, secure, auth, from, to }: EmailOptions): Sink {
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.')
  const transport = createTransport({
    ...{ host, port, secure, requireTLS: !secure && !local, ignoreTLS: false },
    ...{ connectionTimeout: timeoutMs, greetingTimeout: timeoutMs, socketTimeout: timeoutMs },
    ...(auth === null ? {} : { auth }),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  return {
    name,
    async deliver(alert, signal) {
      signal.throwIfAborted()
      const sent = await transport.sendMail({
        ...{ from, to: [...to], subject: subjectOf(alert), text: textOf(alert) },
        messageId: `<${alert.id}@samebits-monitor>`, // the same at every try
        headers: { 'Auto-Submitted': 'auto-generated', 'X-Samebits-Rule': alert.rule },
      })
      if (sent.rejected.length > 0) throw new Error(`refused for ${sent.rejected.length} of ${to.length} recipients`)
    },
  }
}
