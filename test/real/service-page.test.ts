// What docs/service.md prints is typed as it stands there, beside a real systemd.

import { expect, test } from 'vitest';
import { openPage } from '../support/page.ts';
import { findInit } from './init.ts';
import { describePart } from './part.ts';
import { type Service, makeService, until } from './service.ts';

const [FRED, JOE] = ['fred@example.com', 'joe@example.com'];
const page = openPage('docs/service.md');
const several = page.take('Several daemons on one machine');
const [held, holding] = [page.take('A socket that systemd holds', 0, 'toml'), page.take('A socket that systemd holds')];
const passwords = page.take('Passwords that only root can read');

/** An application that knows fred@example.com, for who has the token. */
const APPLICATION = `setsid node -e "require('node:http').createServer((request, response) => {
  const knows = request.headers.authorization === 'Bearer open sesame';
  response.writeHead(knows ? 200 : 401, { 'content-type': 'application/json' });
  response.end(knows && decodeURIComponent(request.url) === '/${FRED}' ? JSON.stringify({ address: '${FRED}' }) : '[]');
}).listen(8080, '127.0.0.1')" < /dev/null > /dev/null 2>&1 &`;

/** Types lines into a shell of root in the installed folder, which has what a clone has; resolves to what they printed. */
async function type(service: Service, lines: string): Promise<string> {
  const { code, stdout, stderr } = await service.run('sh', '-ec', `cd /usr/local/lib/smmap\n${lines}`);
  if (code !== 0) throw new Error(`${lines}\nended with ${code}: ${stdout}${stderr}${await service.said()}`);
  return stdout;
}

describePart('a real systemd', await findInit(), () => {
  test('several daemons have a socket, a store and a restart each', async ({ onTestFinished }) => {
    const service = await makeService(onTestFinished);
    await service.configure('[map.mailbox]\n');
    expect(
      await type(service, `systemctl start smmap; smmap store create; smmap mailbox add ${JOE}; ${several}`),
    ).toMatch(/^fred\tOK fred$[^]*socketmap:unix:\/run\/smmap-two\/smmap\.sock:/m);
    const probe = 'smmap probe --config /etc/smmap';
    const probed = `${probe}/smmap.toml ${FRED} ${JOE} || ${probe}/two.toml ${FRED} ${JOE} || true`;
    const own = `${FRED}\tNOTFOUND\n${JOE}\tOK ${JOE}\n${FRED}\tOK ${FRED}\n${JOE}\tNOTFOUND\n`;
    expect(await type(service, probed)).toBe(own);
    expect(await type(service, `systemctl reload smmap@two; systemctl restart smmap@two; ${probed}`)).toBe(own);
    const stopped = `systemctl stop smmap; ${probe}/two.toml ${FRED}`;
    expect(await type(service, stopped)).toBe(`${FRED}\tOK ${FRED}\n`);
  });

  test('an instance cannot write to the folders of another daemon', async ({ onTestFinished }) => {
    const service = await makeService(onTestFinished);
    await type(service, 'install -m 644 systemd/smmap@.service /etc/systemd/system/ && systemctl daemon-reload');
    await type(service, 'cp systemd/smmap.toml /etc/smmap/two.toml');
    expect((await service.systemctl('start', 'smmap@two')).code).toBe(1);
    expect(await service.said()).toContain('cannot listen on unix:/run/smmap/smmap.sock');
  });

  test('systemd holds the socket, and starts a daemon for who asks', async ({ onTestFinished }) => {
    const service = await makeService(onTestFinished);
    await type(service, `systemctl start smmap; smmap store create; smmap mailbox add ${FRED}`);
    await service.run('rm', '/etc/systemd/system/smmap.socket');
    await service.configure(held);
    await type(service, holding);
    expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
    await type(service, 'systemctl is-enabled smmap.socket smmap.service; systemctl stop smmap');
    expect(await service.property('ActiveState')).toBe('inactive');
    expect(await service.ask(FRED)).toBe(`OK ${FRED}`);
  });

  test('a password that only root can read reaches the daemon', async ({ onTestFinished }) => {
    const service = await makeService(onTestFinished);
    const config = (file: string): Promise<void> =>
      service.configure(`[store.people]
        driver = "http"
        mailbox = "http://127.0.0.1:8080/:address"
        token_file = "${file}"
        canary = { mailbox = "${FRED}" }`);
    await config('/etc/smmap/people.password');
    await type(service, `umask 077; echo 'open sesame' > /etc/smmap/people.password; ${APPLICATION}`);
    expect(await service.systemctl('start', 'smmap')).toMatchObject({ code: 0 });
    const probe = `smmap probe ${FRED} ${JOE} || true`;
    expect(await type(service, probe)).toMatch(/^fred@example\.com\tTEMP .*\njoe@example\.com\tTEMP .*\n$/);
    await config('/run/credentials/smmap.service/people.password');
    await type(service, passwords);
    await until(async () => (await type(service, probe)) === `${FRED}\tOK ${FRED}\n${JOE}\tNOTFOUND\n`);
    expect(await type(service, 'smmap check --stores')).toContain('no mistakes');
  });
});

test('every block of docs/service.md is typed', () => expect(page.rest()).toEqual([]));
