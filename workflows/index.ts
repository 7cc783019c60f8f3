export { accountMail } from './account-mail';
export { invitation } from './invitation';
export { resetUnusedReactivations } from './reset-unused-reactivations';
