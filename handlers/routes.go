package handlers

import (
	"slices"

	"github.com/labstack/echo/v4"

	"example.org/mandat/models"
	"example.org/mandat/models/policy"
	"example.org/mandat/views"
)

// Route is one line of the map.
type Route struct {
	Method string
	Path   string
	Policy policy.Entry

	handler echo.HandlerFunc
	// Of class Self, and about agents too.
	agents bool
	// Reads its session itself, in the one statement of its page.
	ownSession bool
	// The page asks for a part of itself by itself, which is no activity of its reader (R16).
	polled bool
	// It goes on telling what is new, for longer than any other request lasts.
	streams bool
	// What a file may weigh that is sent to it, in bytes; 0 for no more than any form.
	file int64
	// Mail providers ask it on behalf of a reader, from anywhere and without a
	// session: its path has the secret (RFC 8058).
	oneClick bool
	// Asks a question that is too long for an address, or nobody's to read there.
	asks bool
	// About no object of a service, and an agent who acts sees it as their customer does.
	acting bool
	// Whoever asks proves to be themselves by it: an agent who acts, too, before
	// they change things.
	proves bool
}

// Changes says whether the route changes state.
func (r Route) Changes() bool { return r.Method == echo.POST && !r.asks }

// Routes lists the map for `mandat routes` and for tests.
func Routes() []Route { return new(Handlers).routes() }

func (h *Handlers) routes() []Route {
	var (
		public = policy.Entry{Class: policy.Public}
		self   = policy.Entry{Class: policy.Self, Operation: policy.ManageSelf}
		holder = policy.Entry{Class: policy.Holder, Operation: policy.ResignGrant}
		staff  = policy.Entry{Class: policy.Staff}
	)
	may := func(op policy.Operation) policy.Entry { return policy.Entry{Class: policy.Object, Operation: op} }
	const (
		service     = "/services/:domain"
		account     = "/services/:domain/emails/:local"
		ticked      = "/services/:domain/accounts"
		grant       = "/grants/:id"
		list        = "/services/:domain/lists/:name"
		filters     = account + "/filters"
		imports     = account + "/imports"
		redirection = "/services/:domain/redirections/:id"
	)
	get := func(path string, p policy.Entry, fn echo.HandlerFunc) Route {
		return Route{Method: echo.GET, Path: path, Policy: p, handler: fn}
	}
	post := func(path string, p policy.Entry, fn echo.HandlerFunc) Route {
		return Route{Method: echo.POST, Path: path, Policy: p, handler: fn}
	}
	// Files of one kind.
	uploads := func(k models.UploadKind) []Route {
		path := service + "/uploads/" + string(k)
		send, show := post(path, may(k.Operation()), h.createUpload(k)), get(path+"/:id", may(k.Operation()), h.showUpload(k))
		send.file, show.polled = models.MaxUploadBytes, true
		return []Route{
			get(path, may(k.Operation()), h.newUpload(k)),
			send,
			show,
			post(path+"/:id/application", may(k.Operation()), h.applyUpload(k)),
			post(path+"/:id/cancellation", may(k.Operation()), h.cancelUpload(k)),
		}
	}
	staffToo := func(r Route) Route {
		r.agents = true
		return r
	}
	accounts := get(service+"/emails", may(policy.SeeService), h.listAccounts)
	accounts.ownSession = true
	health := get(service+"/dns", may(policy.SeeService), h.showDNS)
	health.polled = true
	shownImport, followed := get(imports+"/:id", may(policy.ImportMail), h.showImport), get(imports+"/:id"+views.ImportProgress, may(policy.ImportMail), h.followImport)
	shownImport.polled, followed.streams = true, true
	trial := post(filters+"/trial", may(policy.EditFilters), h.tryFilters)
	trial.asks = true
	services := get("/services", self, h.listServices)
	services.acting = true
	unsubscribe := post("/unsubscriptions/:token", public, h.createUnsubscription)
	unsubscribe.oneClick = true
	signInAsked, secondStepAsked := post("/session/passkey/challenge", public, h.askSignIn), post("/session/factor/challenge", public, h.askSecondStep)
	newPasskeyAsked, proofAsked := post("/profile/passkeys/challenge", self, h.askNewPasskey), post("/profile/proof/challenge", self, h.askPasskey)
	signInAsked.asks, secondStepAsked.asks, newPasskeyAsked.asks, proofAsked.asks = true, true, true, true
	proofElsewhere := get("/profile/identities/proof", self, h.newIdentityProof)
	proofAsked.proves, proofElsewhere.proves = true, true
	return slices.Concat([]Route{
		// Signing in and out
		get("/", public, h.home),
		get("/sign-in", public, h.newSession),
		post("/session", public, h.createSession),
		signInAsked,
		post("/session/passkey", public, h.createPasskeySession),
		get("/session/factor", public, h.newSignInFactor),
		post("/session/factor", public, h.createSignInFactor),
		secondStepAsked,
		post("/session/end", public, h.endSession),
		get("/session/ended", public, h.signedOut),
		get("/session/oidc", public, h.showIdentityRequest),
		post("/session/oidc", public, h.createIdentityRequest),
		get("/session/oidc/callback", public, h.showIdentityAnswer),
		post("/session/oidc/callback", public, h.takeIdentityAnswer),
		get("/password-resets/new", public, h.newPasswordReset),
		post("/password-resets", public, h.createPasswordReset),
		get("/password-resets", public, h.showPasswordReset),
		get("/password-links/:token", public, h.editPasswordLink),
		post("/password-links/:token", public, h.usePasswordLink),
		post("/preferences", public, h.setPreferences),

		// The link in each message of a list
		get("/unsubscriptions/:token", public, h.newUnsubscription),
		unsubscribe,

		// Oneself
		get("/profile", self, h.editProfile),
		post("/profile", self, h.updateProfile),
		get("/profile/password", self, h.editProfilePassword),
		post("/profile/password", self, h.updateProfilePassword),
		get("/profile/contact", self, h.editContact),
		post("/profile/contact", self, h.updateContact),
		post("/profile/contact/cancellation", self, h.cancelContact),
		get("/profile/contact/confirmation/:token", self, h.newContactConfirmation),
		post("/profile/contact/confirmation/:token", self, h.createContactConfirmation),
		staffToo(get("/profile/factors", self, h.listFactors)),
		staffToo(get("/profile/factors/new", self, h.newFactor)),
		staffToo(post("/profile/factors", self, h.createFactor)),
		staffToo(get("/profile/factors/:id", self, h.editFactor)),
		staffToo(post("/profile/factors/:id", self, h.updateFactor)),
		staffToo(get("/profile/factors/:id/removal", self, h.newFactorRemoval)),
		staffToo(post("/profile/factors/:id/removal", self, h.createFactorRemoval)),
		staffToo(get("/profile/recovery-codes", self, h.newRecoveryCodes)),
		staffToo(post("/profile/recovery-codes", self, h.createRecoveryCodes)),
		post("/profile/devices/removal", self, h.forgetDevices),
		post("/profile/devices/:id/removal", self, h.forgetDevice),
		staffToo(get("/profile/sessions", self, h.listSessions)),
		staffToo(post("/profile/sessions/end", self, h.endOtherSessions)),
		staffToo(post("/profile/sessions/:id/end", self, h.endOneSession)),
		staffToo(get("/profile/identities", self, h.listIdentities)),
		staffToo(post("/profile/identities", self, h.createIdentity)),
		staffToo(proofElsewhere),
		staffToo(get("/profile/identities/:id/removal", self, h.newIdentityRemoval)),
		staffToo(post("/profile/identities/:id/removal", self, h.createIdentityRemoval)),
		get("/history", self, h.listPersonHistory),

		// One's passkeys, and what browsers are to sign with one
		staffToo(get("/profile/passkeys/new", self, h.newPasskey)),
		staffToo(newPasskeyAsked),
		staffToo(post("/profile/passkeys", self, h.createPasskey)),
		staffToo(get("/profile/passkeys/:id", self, h.editPasskey)),
		staffToo(post("/profile/passkeys/:id", self, h.updatePasskey)),
		staffToo(get("/profile/passkeys/:id/removal", self, h.newPasskeyRemoval)),
		staffToo(post("/profile/passkeys/:id/removal", self, h.createPasskeyRemoval)),
		staffToo(proofAsked),

		services,

		// What customers allow support
		get("/profile/support", self, h.showConsent),
		post("/profile/support", self, h.openWindow),
		post("/profile/support/code", self, h.makeCode),
		post("/profile/support/end", self, h.withdrawConsent),
		get("/profile/support/:id", self, h.showOwnAssistance),
		post("/profile/support/:id/acceptance", self, h.acceptAssistance),
		post("/profile/support/:id/refusal", self, h.refuseAssistance),
		post("/profile/support/:id/end", self, h.stopAssistance),

		// Support acting for customers
		get("/support", staff, h.support),
		get("/assistances/new", staff, h.newAssistance),
		post("/assistances", staff, h.createAssistance),
		get("/assistances/change", staff, h.newChange),
		post("/assistances/change", staff, h.createChange),
		post("/assistances/renewal", staff, h.renewAssistance),
		post("/assistances/end", staff, h.endAssistance),
		get("/support/assistances", staff, h.listAssistances),
		get("/support/assistances/:id", staff, h.showAssistance),
		post("/support/assistances/:id/approval", staff, h.approveAssistance),
		post("/support/assistances/:id/end", policy.Entry{Class: policy.Lead}, h.endOtherAssistance),

		// A service
		get(service, may(policy.SeeService), h.showService),
		health,
		get(service+"/history", may(policy.SeeHistory), h.listServiceHistory),

		// Its accounts: the tab Emails
		accounts,
		get(service+"/emails.csv", may(policy.Export), h.exportAccounts),
		get(service+"/new-email", may(policy.CreateAccount), h.newAccount),
		post(service+"/emails", may(policy.CreateAccount), h.createAccount),
		get(account, may(policy.SeeService), h.editAccount),
		post(account, may(policy.DescribeAccount), h.updateAccount),
		get(account+"/password", may(policy.SetPassword), h.editAccountPassword),
		post(account+"/password", may(policy.SetPassword), h.updateAccountPassword),
		post(account+"/block", may(policy.LimitAccount), h.blockAccount),
		post(account+"/unblock", may(policy.LimitAccount), h.unblockAccount),
		get(account+"/deletion", may(policy.DeleteAccount), h.newAccountDeletion),
		post(account+"/deletion", may(policy.DeleteAccount), h.createAccountDeletion),

		// Several of them that were ticked; to delegate several is with the grants
		get(ticked+"/description", may(policy.DescribeAccount), h.newBulk(views.BulkDescription)),
		post(ticked+"/description", may(policy.DescribeAccount), h.createBulk(views.BulkDescription)),
		get(ticked+"/size", may(policy.LimitAccount), h.newBulk(views.BulkSize)),
		post(ticked+"/size", may(policy.LimitAccount), h.createBulk(views.BulkSize)),
		get(ticked+"/block", may(policy.LimitAccount), h.newBulk(views.BulkBlock)),
		post(ticked+"/block", may(policy.LimitAccount), h.createBulk(views.BulkBlock)),
		get(ticked+"/unblock", may(policy.LimitAccount), h.newBulk(views.BulkUnblock)),
		post(ticked+"/unblock", may(policy.LimitAccount), h.createBulk(views.BulkUnblock)),
		get(ticked+"/revocation", may(policy.ChangeGrant), h.newBulk(views.BulkRevocation)),
		post(ticked+"/revocation", may(policy.ChangeGrant), h.createBulk(views.BulkRevocation)),

		// Its redirections
		get(service+"/redirections", may(policy.EditRedirections), h.listRedirections),
		get(service+"/redirections.csv", may(policy.Export), h.exportRedirections),
		get(service+"/redirections/new", may(policy.EditRedirections), h.newRedirection),
		post(service+"/redirections", may(policy.EditRedirections), h.createRedirection),
		get(redirection, may(policy.EditRedirections), h.editRedirection),
		post(redirection, may(policy.EditRedirections), h.updateRedirection),
		post(redirection+"/deletion", may(policy.EditRedirections), h.deleteRedirection),

		// Its filters
		get(filters, may(policy.EditFilters), h.listFilters),
		get(filters+"/new", may(policy.EditFilters), h.newFilter),
		post(filters, may(policy.EditFilters), h.createFilter),
		get(filters+"/:id", may(policy.EditFilters), h.editFilter),
		post(filters+"/:id", may(policy.EditFilters), h.updateFilter),
		post(filters+"/:id/deletion", may(policy.EditFilters), h.deleteFilter),
		post(filters+"/:id/activation", may(policy.EditFilters), h.switchFilter(true)),
		post(filters+"/:id/deactivation", may(policy.EditFilters), h.switchFilter(false)),
		post(filters+"/:id/up", may(policy.EditFilters), h.moveFilter(true)),
		post(filters+"/:id/down", may(policy.EditFilters), h.moveFilter(false)),
		get(filters+"/trial", may(policy.EditFilters), h.newTrial),
		trial,

		// Mail imported from accounts elsewhere
		get(imports, may(policy.ImportMail), h.listImports),
		post(imports, may(policy.ImportMail), h.createImport),
		shownImport,
		followed,
		post(imports+"/:id"+views.ImportSelection, may(policy.ImportMail), h.startImport),
		post(imports+"/:id"+views.ImportResumption, may(policy.ImportMail), h.resumeImport),
		post(imports+"/:id"+views.ImportCancellation, may(policy.ImportMail), h.cancelImport),

		// Responders: of accounts, and of addresses that are none
		get(account+"/responder", may(policy.EditResponder), h.editResponder(models.AccountResponder)),
		post(account+"/responder", may(policy.EditResponder), h.updateResponder(models.AccountResponder)),
		post(account+"/responder/end", may(policy.EditResponder), h.endResponder(models.AccountResponder)),
		post(account+"/responder/deletion", may(policy.EditResponder), h.deleteResponder(models.AccountResponder)),
		get(service+"/responders", may(policy.EditResponder), h.listResponders),
		get(service+"/new-responder", may(policy.EditResponder), h.newResponder),
		post(service+"/responders", may(policy.EditResponder), h.createResponder),
		get(service+"/responders/:local", may(policy.EditResponder), h.editResponder(models.AddressResponder)),
		post(service+"/responders/:local", may(policy.EditResponder), h.updateResponder(models.AddressResponder)),
		post(service+"/responders/:local/end", may(policy.EditResponder), h.endResponder(models.AddressResponder)),
		post(service+"/responders/:local/deletion", may(policy.EditResponder), h.deleteResponder(models.AddressResponder)),

		// Mailing lists, their subscribers and moderators, and what is written to them
		get(service+"/lists", may(policy.EditLists), h.listLists),
		get(service+"/new-list", may(policy.EditLists), h.newList),
		post(service+"/lists", may(policy.EditLists), h.createList),
		get(list, may(policy.EditLists), h.editList),
		post(list, may(policy.EditLists), h.updateList),
		get(list+"/deletion", may(policy.EditLists), h.newListDeletion),
		post(list+"/deletion", may(policy.EditLists), h.createListDeletion),
		get(list+"/members", may(policy.EditLists), h.listMembers(models.Subscribers)),
		get(list+"/members.csv", may(policy.Export), h.exportMembers(models.Subscribers)),
		post(list+"/members", may(policy.EditLists), h.addMembers(models.Subscribers)),
		post(list+"/members/removal", may(policy.EditLists), h.removeMembers(models.Subscribers)),
		post(list+"/members/file", may(policy.EditLists), h.addMembersFile(models.Subscribers)),
		post(list+"/members/mailing", may(policy.Export), h.createListMailing),
		get(list+"/moderators", may(policy.EditLists), h.listMembers(models.Moderators)),
		get(list+"/moderators.csv", may(policy.Export), h.exportMembers(models.Moderators)),
		post(list+"/moderators", may(policy.EditLists), h.addMembers(models.Moderators)),
		post(list+"/moderators/removal", may(policy.EditLists), h.removeMembers(models.Moderators)),
		post(list+"/moderators/file", may(policy.EditLists), h.addMembersFile(models.Moderators)),
		get(list+"/messages", may(policy.EditLists), h.listListMessages),
		post(list+"/messages/rejection", may(policy.EditLists), h.rejectListMessages),
		post(list+"/messages/discard", may(policy.EditLists), h.discardListMessages),
		post(list+"/messages/:id/approval", may(policy.EditLists), h.approveListMessage),
		post(list+"/messages/:id/rejection", may(policy.EditLists), h.rejectListMessage),
		post(list+"/messages/:id/discard", may(policy.EditLists), h.discardListMessage),

		// Grants: the share of a whole service, the delegation of accounts
		get(service+"/grants", may(policy.ShareService), h.listServiceGrants),
		post(service+"/grants", may(policy.ShareService), h.createServiceGrants),
		get(account+"/grants", may(policy.DelegateAccount), h.listAccountGrants),
		post(account+"/grants", may(policy.DelegateAccount), h.createAccountGrants),
		get("/grants/new", may(policy.DelegateAccount), h.newGrants),
		post("/grants", may(policy.DelegateAccount), h.createGrants),
		get("/identifiers", may(policy.DelegateAccount), h.checkIdentifiers),
		get(grant, may(policy.SeeGrants), h.editGrant),
		post(grant, may(policy.ChangeGrant), h.updateGrant),
		get(grant+"/revocation", may(policy.ChangeGrant), h.newRevocation),
		post(grant+"/revocation", may(policy.ChangeGrant), h.createRevocation),
		post(grant+"/restoration", may(policy.ChangeGrant), h.createRestoration),
		post(grant+"/extension", may(policy.ChangeGrant), h.createExtension),
		post(grant+"/resignation", holder, h.createResignation),

		// For the operator
		get(alivePath, public, h.alive),
		get(readyPath, public, h.ready),
	},
		// Files of accounts and of redirections
		uploads(models.UploadAccounts),
		uploads(models.UploadRedirections),
	)
}
