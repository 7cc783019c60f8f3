export { invitation } from './invitation';
