package views

import (
	"net/url"
	"strconv"

	"example.org/mandat/models"
)

// Every URL of the panel is made here; nobody else puts one together. A test
// asks the router for each.

// Paths without an object.
const (
	HomePath            = "/"
	SignInPath          = "/sign-in"
	SessionPath         = "/session"
	SignOutPath         = "/session/end"
	SignInFactorPath    = "/session/factor"
	ServicesPath        = "/services"
	GrantsPath          = "/grants"     // POST: delegate ticked accounts
	NewGrantsPath       = "/grants/new" // its page
	IdentifiersPath     = "/identifiers"
	HistoryPath         = "/history"
	ProfilePath         = "/profile"
	ProfilePasswordPath = "/profile/password"
	FactorsPath         = "/profile/factors"
	NewFactorPath       = "/profile/factors/new"
	RecoveryCodesPath   = "/profile/recovery-codes"
	DevicesRemovalPath  = "/profile/devices/removal"
	ProfileSessionsPath = "/profile/sessions"
	OtherSessionsPath   = "/profile/sessions/end" // POST: end all but this one
	IdentitiesPath      = "/profile/identities"
	IdentityRequestPath = "/session/oidc"          // POST: go to the provider; the page on the way there
	IdentityAnswerPath  = "/session/oidc/callback" // where the provider leads back to
	SignedOutPath       = "/session/ended"
	ContactPath         = "/profile/contact"
	ContactCancelPath   = "/profile/contact/cancellation"
	PreferencesPath     = "/preferences"

	PasskeysPath        = "/profile/passkeys"
	NewPasskeyPath      = "/profile/passkeys/new"
	NewPasskeyAskedPath = "/profile/passkeys/challenge" // what browsers are to sign: for a new one,
	ProofAskedPath      = "/profile/proof/challenge"    // as proof,
	SecondStepAskedPath = "/session/factor/challenge"   // as the second step,
	SignInAskedPath     = "/session/passkey/challenge"  // and to sign in
	PasskeySessionPath  = "/session/passkey"

	PasswordResetsPath   = "/password-resets" // POST: ask for a link; its page says where to look
	NewPasswordResetPath = "/password-resets/new"
	ConsentPath          = "/profile/support"
	ConsentCodePath      = "/profile/support/code"
	ConsentEndPath       = "/profile/support/end"

	SupportPath           = "/support"
	AssistancesPath       = "/support/assistances"
	NewAssistancesPath    = "/assistances" // POST: begin, or ask
	AssistanceChangePath  = "/assistances/change"
	AssistanceRenewalPath = "/assistances/renewal"
	AssistanceEndPath     = "/assistances/end"
)

// NewAssistancePath is the form to act for a customer.
func NewAssistancePath(customer string) string {
	return withQuery(NewAssistancesPath+"/new", "customer", customer)
}

// OlderAssistancesPath is those before one.
func OlderAssistancesPath(id int64) string {
	return withQuery(AssistancesPath, "before", strconv.FormatInt(id, 10))
}

// OneAssistancePath is one of them, for staff.
func OneAssistancePath(id int64) string { return AssistancesPath + "/" + strconv.FormatInt(id, 10) }

// ApprovalPath is a second agent's word in an emergency.
func ApprovalPath(id int64) string { return OneAssistancePath(id) + "/approval" }

// OneAssistanceEndPath ends another agent's.
func OneAssistanceEndPath(id int64) string { return OneAssistancePath(id) + "/end" }

// OwnAssistancePath is one of them, for its customer, and the three are what
// the customer does about it.
func OwnAssistancePath(id int64) string    { return ConsentPath + "/" + strconv.FormatInt(id, 10) }
func AcceptancePath(id int64) string       { return OwnAssistancePath(id) + "/acceptance" }
func RefusalPath(id int64) string          { return OwnAssistancePath(id) + "/refusal" }
func OwnAssistanceEndPath(id int64) string { return OwnAssistancePath(id) + "/end" }

// SignInTo is the sign-in page that leads on to a path of this site.
func SignInTo(next string) string { return withQuery(SignInPath, "next", next) }

// SignInFactorTo is the page of the second factor that leads on to a path of this site.
func SignInFactorTo(next string) string { return withQuery(SignInFactorPath, "next", next) }

// FactorPath is one of the reader's authenticator apps.
func FactorPath(id int64) string { return FactorsPath + "/" + strconv.FormatInt(id, 10) }

// FactorRemovalPath takes it away.
func FactorRemovalPath(id int64) string { return FactorPath(id) + removalPart }

// DeviceRemovalPath forgets one of the reader's trusted browsers.
func DeviceRemovalPath(id int64) string {
	return "/profile/devices/" + strconv.FormatInt(id, 10) + removalPart
}

// PasswordLinkPath is a one-time link.
func PasswordLinkPath(token string) string { return "/password-links/" + url.PathEscape(token) }

// PasskeyPath names one of one's own passkeys.
func PasskeyPath(id int64) string { return PasskeysPath + "/" + strconv.FormatInt(id, 10) }

// PasskeyRemovalPath removes one of one's own passkeys.
func PasskeyRemovalPath(id int64) string { return PasskeyPath(id) + removalPart }

// ContactLinkPath is the link that confirms a contact address.
func ContactLinkPath(token string) string {
	return ContactPath + "/confirmation/" + url.PathEscape(token)
}

// SessionEndPath ends one session of one's own.
func SessionEndPath(id int64) string {
	return ProfileSessionsPath + "/" + strconv.FormatInt(id, 10) + "/end"
}

// IdentityProofTo proves at a provider who one is, and leads on to a path of this site.
func IdentityProofTo(next string) string { return withQuery(IdentitiesPath+"/proof", "next", next) }

// IdentityRemovalPath ends a link with a provider.
func IdentityRemovalPath(id int64) string {
	return IdentitiesPath + "/" + strconv.FormatInt(id, 10) + "/removal"
}

// ServicePath is the overview of a service, by its A-label.
func ServicePath(domain string) string { return ServicesPath + "/" + url.PathEscape(domain) }

// DNSPath has what the domain of a service publishes looked at.
func DNSPath(domain string) string { return ServicePath(domain) + "/dns" }

// AccountsPath is the tab Emails of a service.
func AccountsPath(domain string) string { return ServicePath(domain) + "/emails" }

// AccountsWith is the tab Emails with one field of its search set.
func AccountsWith(domain, field, value string) string {
	return withQuery(AccountsPath(domain), field, value)
}

// AccountsFilePath is the accounts of a service as a CSV file.
func AccountsFilePath(domain string) string { return AccountsPath(domain) + ".csv" }

// AccountsAt is the tab Emails at a query of its own; "" is its first page.
func AccountsAt(domain, query string) string {
	if query == "" {
		return AccountsPath(domain)
	}
	return AccountsPath(domain) + "?" + query
}

// BulkPath is the page that does a job to several ticked addresses.
func BulkPath(domain string, j BulkJob) string { return ServicePath(domain) + "/accounts/" + string(j) }

// TickedPath is the page at a path about several ticked addresses.
func TickedPath(path, domain string, locals []string) string {
	addresses := make([]string, len(locals))
	for i, local := range locals {
		addresses[i] = local + "@" + domain
	}
	return path + "?" + url.Values{"accounts": addresses}.Encode()
}

// NewAccountPath is the form for a new address.
func NewAccountPath(domain string) string { return ServicePath(domain) + "/new-email" }

// AccountPath is the settings of one address.
func AccountPath(domain, local string) string {
	return AccountsPath(domain) + "/" + url.PathEscape(local)
}

// Parts of an address that have a path below its own.
const (
	passwordPart = "/password"
	deletionPart = "/deletion"
	blockPart    = "/block"
	unblockPart  = "/unblock"
	grantsPart   = "/grants"

	responderPart = "/responder"
	filtersPart   = "/filters"
	importsPart   = "/imports"
)

// AccountPasswordPath sets the password of an address.
func AccountPasswordPath(domain, local string) string {
	return AccountPath(domain, local) + "/password"
}

// AccountDeletionPath deletes an address.
func AccountDeletionPath(domain, local string) string {
	return AccountPath(domain, local) + "/deletion"
}

// AccountBlockPath stops an address.
func AccountBlockPath(domain, local string) string { return AccountPath(domain, local) + blockPart }

// AccountUnblockPath lets an address work again.
func AccountUnblockPath(domain, local string) string { return AccountPath(domain, local) + unblockPart }

// AccountGrantsPath is the delegation of one address.
func AccountGrantsPath(domain, local string) string { return AccountPath(domain, local) + grantsPart }

// FiltersPath is the filters of an address.
func FiltersPath(domain, local string) string { return AccountPath(domain, local) + filtersPart }

// NewFilterPath is the form for a new filter, filled in by the preset of that name; "" is none.
func NewFilterPath(domain, local, preset string) string {
	return withQuery(FiltersPath(domain, local)+"/new", "preset", preset)
}

// TrialPath tries the filters of an address on a message.
func TrialPath(domain, local string) string { return FiltersPath(domain, local) + "/trial" }

// FilterPath is one filter of an address.
func FilterPath(domain, local string, id int64) string {
	return FiltersPath(domain, local) + "/" + strconv.FormatInt(id, 10)
}

// Parts below the path of a filter.
const (
	FilterDeletion     = deletionPart
	FilterActivation   = "/activation"
	FilterDeactivation = "/deactivation"
	FilterUp           = "/up"
	FilterDown         = "/down"
)

// AccountResponderPath is the responder of an address with a mailbox.
func AccountResponderPath(domain, local string) string {
	return AccountPath(domain, local) + responderPart
}

// RespondersPath is the tab Responders of a service.
func RespondersPath(domain string) string { return ServicePath(domain) + "/responders" }

// NewResponderPath is the form for a responder on an address without a mailbox.
func NewResponderPath(domain string) string { return ServicePath(domain) + "/new-responder" }

// ResponderPath is the responder of an address without a mailbox.
func ResponderPath(domain, local string) string {
	return RespondersPath(domain) + "/" + url.PathEscape(local)
}

// ResponderEndPath ends the responder at path now.
func ResponderEndPath(path string) string { return path + "/end" }

// ResponderDeletionPath deletes the responder at path.
func ResponderDeletionPath(path string) string { return path + deletionPart }

// RedirectionsPath is the tab Redirections of a service.
func RedirectionsPath(domain string) string { return ServicePath(domain) + "/redirections" }

// RedirectionsFilePath is the redirections of a service as a CSV file.
func RedirectionsFilePath(domain string) string { return RedirectionsPath(domain) + ".csv" }

// NewRedirectionPath is the form for a new redirection, with its source filled in unless it is "".
func NewRedirectionPath(domain, from string) string {
	return withQuery(RedirectionsPath(domain)+"/new", "from", from)
}

// RedirectionPath is one redirection.
func RedirectionPath(domain string, id int64) string {
	return RedirectionsPath(domain) + "/" + strconv.FormatInt(id, 10)
}

// RedirectionDeletionPath deletes a redirection.
func RedirectionDeletionPath(domain string, id int64) string {
	return RedirectionPath(domain, id) + deletionPart
}

// ServiceGrantsPath is the share of a whole service.
func ServiceGrantsPath(domain string) string { return ServicePath(domain) + "/grants" }

// ServiceHistoryPath is what happened on a service.
func ServiceHistoryPath(domain string) string { return ServicePath(domain) + "/history" }

// GrantPath is one grant.
func GrantPath(id int64) string { return GrantsPath + "/" + strconv.FormatInt(id, 10) }

// RevocationPath ends a grant; on GET it lists what is lost.
func RevocationPath(id int64) string { return GrantPath(id) + "/revocation" }

// RestorationPath takes a revocation back.
func RestorationPath(id int64) string { return GrantPath(id) + "/restoration" }

// ResignationPath lets go of a grant one holds.
func ResignationPath(id int64) string { return GrantPath(id) + "/resignation" }

// ExtensionPath moves the end of a grant.
func ExtensionPath(id int64) string { return GrantPath(id) + "/extension" }

// IdentifiersOf is the live check for the form of a service ("" for local) or an address.
func IdentifiersOf(domain, local string) string {
	return IdentifiersPath + "?" + url.Values{"domain": {domain}, "local": {local}}.Encode()
}

// withQuery sets one field of a path's query; "" leaves the path alone.
func withQuery(path, field, value string) string {
	if value == "" {
		return path
	}
	return path + "?" + url.Values{field: {value}}.Encode()
}

// AssistanceChangeTo asks for the step to changing, and leads to next after it.
func AssistanceChangeTo(next string) string { return withQuery(AssistanceChangePath, "next", next) }

// ListsPath is the tab Mailing lists of a service.
func ListsPath(domain string) string { return ServicePath(domain) + "/lists" }

// NewListPath is the form for a new list.
func NewListPath(domain string) string { return ServicePath(domain) + "/new-list" }

// ListPath is the settings of one list.
func ListPath(domain, name string) string { return ListsPath(domain) + "/" + url.PathEscape(name) }

// ListDeletionPath deletes a list.
func ListDeletionPath(domain, name string) string { return ListPath(domain, name) + "/deletion" }

// ListMembersPath is the subscribers of a list.
func ListMembersPath(domain, name string) string { return ListPath(domain, name) + "/members" }

// ListModeratorsPath is the moderators of a list.
func ListModeratorsPath(domain, name string) string { return ListPath(domain, name) + "/moderators" }

// ListMailingPath has the subscribers of a list sent to its owner.
func ListMailingPath(domain, name string) string { return ListMembersPath(domain, name) + "/mailing" }

// Below the subscribers of a list, its moderators, and what is one's own.
const (
	removalPart = "/removal"
	filePart    = "/file"
	csvPart     = ".csv"
)

// UploadsPath is the form for a file of accounts or redirections.
func UploadsPath(domain string, k models.UploadKind) string {
	return ServicePath(domain) + "/uploads/" + string(k)
}

// UploadPath is one file that was sent.
func UploadPath(domain string, k models.UploadKind, id int64) string {
	return UploadsPath(domain, k) + "/" + strconv.FormatInt(id, 10)
}

// Below a file that was sent.
const (
	UploadApplication  = "/application"
	UploadCancellation = "/cancellation"
)

// ListMessagesPath is the messages of a list.
func ListMessagesPath(domain, name string) string { return ListPath(domain, name) + "/messages" }

// MessagesRejectionPath turns the held messages that were shown away.
func MessagesRejectionPath(domain, name string) string {
	return ListMessagesPath(domain, name) + "/rejection"
}

// MessagesDiscardPath removes them, and tells nobody.
func MessagesDiscardPath(domain, name string) string {
	return ListMessagesPath(domain, name) + "/discard"
}

// MessageApprovalPath lets a held message through.
func MessageApprovalPath(domain, name string, id int64) string {
	return ListMessagesPath(domain, name) + "/" + strconv.FormatInt(id, 10) + "/approval"
}

// MessageRejectionPath turns a held message away.
func MessageRejectionPath(domain, name string, id int64) string {
	return ListMessagesPath(domain, name) + "/" + strconv.FormatInt(id, 10) + "/rejection"
}

// MessageDiscardPath removes a held message, and tells nobody.
func MessageDiscardPath(domain, name string, id int64) string {
	return ListMessagesPath(domain, name) + "/" + strconv.FormatInt(id, 10) + "/discard"
}

// UnsubscriptionPath is the link with which a subscriber leaves a list.
func UnsubscriptionPath(token string) string { return "/unsubscriptions/" + url.PathEscape(token) }

// ImportsPath is the mail imported into an address, with the form for more.
func ImportsPath(domain, local string) string { return AccountPath(domain, local) + importsPart }

// ImportPath is one import.
func ImportPath(domain, local string, id int64) string {
	return ImportsPath(domain, local) + "/" + strconv.FormatInt(id, 10)
}

// Below an import.
const (
	ImportProgress     = "/progress"
	ImportSelection    = "/selection"
	ImportResumption   = "/resumption"
	ImportCancellation = "/cancellation"
)
