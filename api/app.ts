import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import express, { type Express, Router } from 'express';
import helmet from 'helmet';
import { pinoHttp } from 'pino-http';
import { assets } from './assets';
import { consolePages } from './console';
import type { Services } from './context';
import { createMetrics } from './middleware/metrics';
import { problemHandler, unknownRoute } from './middleware/problems';
import { createRateLimits, defaultLimits } from './middleware/rate-limits';
import { accountLinkPages } from './pages/account-links';
import { accountPages } from './pages/account';
import { pagesRouter } from './pages/invitation';
import { brandRouter } from './pages/brand';
import { logoRouter } from './pages/logo';
import { livePages } from './pages/live';
import { unknownPages } from './pages/problem-page';
import { rememberLanguage } from './pages/request';
import { twoFactorPages } from './pages/two-factor';
import { mountRoute, type RouteSpec } from './route';
import { accessRoutes } from './routes/access';
import { emailRoutes } from './routes/emails';
import { figureRoutes } from './routes/figures';
import { groupRoutes } from './routes/groups';
import { guestRoutes } from './routes/guests';
import { emailTemplateRoutes } from './routes/email-templates';
import { invitationTokenRoutes } from './routes/invitation-tokens';
import { invitationRoutes } from './routes/invitations';
import { operationsRouter } from './routes/operations';
import { brandingRoutes } from './routes/branding';
import { organizationRoutes } from './routes/organizations';
import { providerEventRoutes } from './routes/provider-events';
import { meRoutes } from './routes/me';
import { signInRoutes } from './routes/sign-in';
import { twoFactorRoutes } from './routes/two-factor';
import { auditRoutes, userRoutes } from './routes/users';
import { sessions } from './session';

export const routes: RouteSpec[] = [
  ...organizationRoutes,
  ...invitationRoutes,
  ...invitationTokenRoutes,
  ...signInRoutes,
  ...meRoutes,
  ...twoFactorRoutes,
  ...userRoutes,
  ...groupRoutes,
  ...guestRoutes,
  ...accessRoutes,
  ...emailRoutes,
  ...providerEventRoutes,
  ...auditRoutes,
  ...emailTemplateRoutes,
  ...brandingRoutes,
  ...figureRoutes,
];

function requestLine(request: IncomingMessage, response: ServerResponse): object {
  return {
    requestId: request.id,
    method: request.method,
    route: (response as express.Response).locals.route as unknown,
    status: response.statusCode,
  };
}

export function createApp(services: Services): Express {
  const app = express();
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  app.set('trust proxy', services.trustProxy);
  const https = services.baseUrl.startsWith('https:');
  app.use(
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          'default-src': ["'none'"],
          'style-src': ["'self'"],
          'script-src': ["'self'"],
          'img-src': ["'self'", 'data:'],
          'connect-src': ["'self'"],
          'form-action': ["'self'"],
          'frame-src': ["'self'"],
          'base-uri': ["'none'"],
          'frame-ancestors': ["'none'"],
        },
      },
      // Only where people come by https may a browser be told to insist on it; without it, it complains about the others.
      strictTransportSecurity: https,
      crossOriginOpenerPolicy: https,
      originAgentCluster: https,
    }),
  );
  app.use(
    pinoHttp({
      logger: services.logger,
      genReqId: (request, response) => {
        const given = request.headers['x-request-id'];
        const id = typeof given === 'string' && /^[\w-]{8,64}$/.test(given) ? given : randomUUID();
        response.setHeader('X-Request-Id', id);
        return id;
      },
      // The URL may hold a token: the log gets the route's template instead.
      quietReqLogger: true,
      serializers: { req: () => undefined, res: () => undefined, err: () => undefined },
      customSuccessObject: requestLine,
      customErrorObject: requestLine,
      // What went wrong is logged where it is caught; this is the line that every request has.
      customLogLevel: () => 'debug',
    }),
  );
  const metrics = createMetrics(services.database, services.describeSchedule);
  app.use(metrics.observe);
  app.get('/metrics', metrics.serve);
  app.use('/assets', assets(join(__dirname, 'public')));
  app.use(operationsRouter(services, routes));

  const limits = createRateLimits(
    services.database,
    services.rateLimits,
    { ...defaultLimits, mailsPerOrganization: services.mailsPerHour },
    services.keys.current.secret,
  );
  app.use(sessions(services.database, services.keys, services.baseUrl));
  const api = Router();
  for (const route of routes) mountRoute(api, route, services, limits);
  app.use(api);
  app.use(rememberLanguage(services.baseUrl));
  app.use(logoRouter(services, limits));
  app.use(brandRouter());
  app.use(pagesRouter(services, limits));
  app.use(accountPages(services, limits));
  app.use(twoFactorPages(services, limits));
  app.use(accountLinkPages(services, limits));
  app.use(livePages(services, limits));
  app.use(consolePages(services, limits, routes));
  app.use(unknownPages(services.logger));
  app.use(unknownRoute);
  app.use(problemHandler(services.logger));
  return app;
}
