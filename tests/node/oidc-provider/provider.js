// A certified OpenID Connect provider on a free port of this machine. It prints its issuer, and serves until it is ended.
import { createServer } from 'node:http';
import Provider from 'oidc-provider';

const [, , clientId, clientSecret, redirectUri] = process.argv;
const ACCOUNTS = {
  ann: { email: 'ann@example.com', email_verified: true, given_name: 'Ann', family_name: 'Lee' },
  unverified: { email: 'unverified@example.com', email_verified: false },
  silent: {},
};

const server = createServer();
server.listen(0, '127.0.0.1', () => {
  const issuer = `http://localhost:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: redirectUri.split(','),
        response_types: ['code'],
        grant_types: ['authorization_code'],
      },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['given_name', 'family_name'] },
    conformIdTokenClaims: process.env.EMAIL_IN_USERINFO === '1',
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
    findAccount: (_ctx, id) => ({ accountId: id, claims: () => ({ sub: id, ...ACCOUNTS[id] }) }),
  });
  server.on('request', provider.callback());
  console.log(issuer);
});
