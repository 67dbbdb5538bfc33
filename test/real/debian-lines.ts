// Lines that are typed into a whole throw-away Debian.

/** Debian 12 has Node 18, which is too old. So it gets a package of the Node that runs this test, from a folder there. */
export const NODE = (folder: string): string => `[ -x /usr/bin/node ] || {
  mkdir -p /root/nodejs/DEBIAN /root/nodejs/usr/bin
  cp ${folder}/node /root/nodejs/usr/bin
  cat > /root/nodejs/DEBIAN/control <<END
Package: nodejs
Version: ${process.versions.node}
Architecture: $(dpkg --print-architecture)
Maintainer: nobody <nobody@localhost>
Description: Node
END
  dpkg-deb -Znone --build /root/nodejs
  dpkg -i /root/nodejs.deb
}`;

/** Makes /root/lmtp.mjs, an LMTP server at the usual place, which notes the recipients of each mail in /root/delivered. */
export const LMTP = `mkdir -p -m 755 /run/cyrus/socket
cat > /root/lmtp.mjs <<'END'
import { appendFileSync, chmodSync } from 'node:fs';
import { createServer } from 'node:net';
const path = '/run/cyrus/socket/lmtp';
createServer((socket) => {
  let isData = false;
  socket.write('220 lmtp\\r\\n');
  socket.setEncoding('utf8').on('data', (text) => {
    for (const line of text.split('\\r\\n').slice(0, -1)) {
      if (isData && line !== '.') continue;
      isData = line === 'DATA';
      if (line.startsWith('RCPT')) appendFileSync('/root/delivered', \`\${line}\\n\`);
      socket.write(isData ? '354 go on\\r\\n' : '250 ok\\r\\n');
    }
  });
}).listen(path, () => chmodSync(path, 0o666));
END`;
