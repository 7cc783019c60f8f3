import type { RouteSpec } from '../route';

/** The routes that screens ask, by their names in the contract: `GET O/users/{id}`. */
export class RouteTable {
  private readonly specs: Map<string, RouteSpec>;

  constructor(routes: readonly RouteSpec[]) {
    this.specs = new Map(routes.map((spec) => [nameOf(spec), spec]));
  }

  /** @throws Error for a route that there is not: a fault of the screen, not of its visitor */
  find(name: string): RouteSpec {
    const spec = this.specs.get(name);
    if (!spec) throw new Error(`There is no route ${name}.`);
    return spec;
  }

  has(name: string): boolean {
    return this.specs.has(name);
  }
}

const nameOf = ({ method, path }: RouteSpec): string =>
  `${method.toUpperCase()} ${path.replace('/v1/organizations/{organizationId}', 'O').replace(/^\/v1/, '')}`;
