export { accountMail } from './account-mail';
export { guestAccess } from './guest-access';
export { invitation } from './invitation';
export { resetUnusedReactivations } from './reset-unused-reactivations';
