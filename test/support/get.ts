import { type IncomingHttpHeaders, request } from 'node:http';

/** What a server answered over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** Asks for a page: at a port of this machine, or at a Unix socket. */
export function ask(
  place: number | string,
  path: string,
  { method = 'GET', headers = {} }: { readonly method?: string; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const where = typeof place === 'number' ? { host: '127.0.0.1', port: place } : { socketPath: place };
  return new Promise((resolve, reject) => {
    const asking = request({ ...where, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      response.on('error', reject);
    });
    asking.on('error', reject);
    asking.end();
  });
}
