import type { QueryName } from '../../asked.ts';
import type { Absence, Answering } from './response.ts';

/** The requests of one application, as paths behind its URL, and how it answers. */
interface Preset {
  readonly requests: Readonly<
    Partial<Record<QueryName, { readonly path: string; readonly stringIs: Answering['stringIs'] }>>
  >;
  readonly absent: Absence;
}

/** What Flask sends for `abort(404)`, from Werkzeug 2.2 to 3.1. Mailu sends nothing else for an absence. */
const FLASK_404 = `<!doctype html>
<html lang=en>
<title>404 Not Found</title>
<h1>Not Found</h1>
<p>The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.</p>
`;

/**
 * Mailu 2024: the requests of its Postfix (core/admin/mailu/internal/views/postfix.py). Each answer is one JSON string.
 */
const mailu: Preset = {
  requests: {
    mailbox: { path: '/internal/postfix/mailbox/:address', stringIs: 'address' },
    alias: { path: '/internal/postfix/alias/:address', stringIs: 'value' },
    domain: { path: '/internal/postfix/domain/:domain', stringIs: 'domain' },
  },
  absent: { status: 404, type: 'text/html', headers: {}, fields: {}, text: FLASK_404 },
};

/** The presets, by their names in the configuration. */
export const PRESETS: Readonly<Record<string, Preset>> = { mailu };
